//! `contain bootchart`: how a file of a boot is drawn, and what is said of one that is none.

mod common;

use common::{Scratch, command, finish};

const FILE: &str =
    "0 1000000 kernel\n1000000 1250050 early mounts\n1250050 1500000 modules\n0 2000000 boot\n1999999 1999999 <web>\n";

#[test]
fn a_chart_is_drawn_as_text() {
    let here = Scratch::new();
    here.file("chart", FILE);
    let got = finish(command(&["bootchart", &here.at("chart")]));
    let wanted = [
        "#                                                      1000.0 ms  kernel\n",
        "############                                            250.0 ms  early mounts\n",
        "            #############                               249.9 ms  modules\n",
        "##################################################     2000.0 ms  boot\n",
        "                                                 #        0.0 ms  <web>\n",
    ]
    .concat();
    assert_eq!((got.code, got.out.as_str(), got.err.as_str()), (0, wanted.as_str(), ""));
}

#[test]
fn a_chart_is_drawn_as_a_picture() {
    let here = Scratch::new();
    here.file("chart", FILE);
    let got = finish(command(&["bootchart", "--svg", &here.at("chart")]));
    assert_eq!((got.code, got.err.as_str()), (0, ""));
    assert!(
        got.out.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"100\""),
        "{}",
        got.out
    );
    let row = "<g transform=\"translate(150,40)\"><rect width=\"150\" height=\"16\" fill=\"#9bd\"/><text y=\"12\">modules 249.9 ms</text></g>\n";
    assert!(got.out.contains(row) && got.out.contains(">? 0.0 ms<") && got.out.ends_with("</svg>\n"), "{}", got.out);
}

#[test]
fn what_is_no_chart_is_refused() {
    let here = Scratch::new();
    for (text, wrong) in [("1 2\n", "1 2"), ("2 1 x\n", "2 1 x"), ("0 1 x\na b c\n", "a b c"), ("0 -1 x", "0 -1 x")] {
        here.file("chart", text);
        let got = finish(command(&["bootchart", &here.at("chart")]));
        let wanted = format!("contain: {}: '{wrong}' is not BEGIN END NAME, in microseconds\n", here.at("chart"));
        assert_eq!((got.code, got.err), (125, wanted));
    }
    let got = finish(command(&["bootchart", "/nosuch"]));
    assert_eq!(got.code, 125);
    assert_eq!(
        got.err,
        "contain: read /nosuch: ENOENT (No such file or directory)\nhint: contain.bootchart=1 on the kernel command line has it written\n"
    );
    let got = finish(command(&["bootchart", "a", "b"]));
    assert_eq!((got.code, got.err.as_str()), (2, "contain: bootchart takes one argument: a b\n"));
}
