//! Any bytes as a kernel command line, as contain.conf and as an inittab: words are the kernel's, what is wrong is told in
//! sentences with a place, and what is left is sound.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::input::cmdline::CommandLine;
use crate::input::settings::Settings;
use crate::input::{conf, inittab};
use crate::machine::Machine;

pub fn check(bytes: &[u8]) {
    let line = CommandLine::parse(bytes);
    let words = kernel(bytes);
    let end = words.iter().position(|word| word == b"--").unwrap_or(words.len());
    assert!(line.words.iter().map(|word| word.to_bytes()).eq(words[..end].iter().map(Vec::as_slice)), "{words:?}");
    assert!(line.command.iter().map(|word| word.to_bytes()).eq(words[end..].iter().skip(1).map(Vec::as_slice)));

    let kept: &'static [u8] = bytes.to_vec().leak();
    let sources: [&dyn Fn(&mut Settings); 3] =
        [&|settings| settings.read_line(&line), &|settings| conf::read(settings, "/f", kept), &|settings| {
            inittab::read(settings, "/f", kept)
        }];
    for source in sources {
        let mut told = Vec::new();
        let tell = &mut |error: Error| told.push(error.sentence());
        let mut settings = Settings::new(tell);
        source(&mut settings);
        sound(settings.decide());
        assert!(told.len() <= 22, "{told:?}");
        for sentence in told {
            let (place, _) = sentence.split_once(' ').expect("words");
            assert!(
                ["/f:", "kern", "--", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
                    .iter()
                    .any(|begin| place.starts_with(begin)),
                "{sentence}"
            );
        }
    }
}

fn sound(machine: &Machine) {
    let names: BTreeSet<_> = machine.services.iter().map(|service| service.name).collect();
    assert_eq!(names.len(), machine.services.len(), "{names:?}");
    for service in &machine.services {
        assert!(!service.command.is_empty() && !service.name.contains('/') && !service.name.is_empty(), "{service:?}");
        assert!(service.backoff[0] <= service.backoff[1], "{service:?}");
    }
    let options = machine.services.iter().flat_map(|service| service.options).chain(&machine.options);
    assert!(options.into_iter().all(|option| option.to_bytes().starts_with(b"--")));
    assert!(machine.mounts.iter().all(|mount| mount.target.to_bytes().starts_with(b"/")));
    assert!(machine.nets.iter().all(|net| net.interface.len() < 16));
}

/// The words of next_arg() of the kernel, put together again as those that it passes to an init; each ends before a NUL.
fn kernel(text: &[u8]) -> Vec<Vec<u8>> {
    let is_space = |byte: u8| b" \t\n\r\x0b\x0c".contains(&byte);
    let mut words = Vec::new();
    let mut args = text.to_vec();
    loop {
        let skipped = args.iter().take_while(|byte| is_space(**byte)).count();
        args.drain(..skipped);
        if args.is_empty() {
            return words;
        }
        let (mut in_quote, mut quoted, mut equals, mut i) = (false, false, 0, 0);
        if args[0] == b'"' {
            args.remove(0);
            (in_quote, quoted) = (true, true);
        }
        while i < args.len() && (in_quote || !is_space(args[i])) {
            if equals == 0 && args[i] == b'=' {
                equals = i;
            }
            in_quote ^= args[i] == b'"';
            i += 1;
        }
        let mut word = args[..i].to_vec();
        args.drain(..i);
        if equals > 0 && word.get(equals + 1) == Some(&b'"') {
            if word.len() > equals + 2 && word.last() == Some(&b'"') {
                word.pop();
            }
            word.remove(equals + 1);
        } else if quoted && word.last() == Some(&b'"') {
            word.pop();
        }
        let end = word.iter().position(|byte| *byte == 0).unwrap_or(word.len());
        word.truncate(end);
        words.push(word);
    }
}
