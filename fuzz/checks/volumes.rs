//! Any text as --volume, --tmpfs and --mount: what is taken has a target inside, flags that go together, and is the same
//! where it is written the other way.

use crate::input::number::Parsed;
use crate::input::volume::{self, Way};
use crate::spec::{Flags, Volume, VolumeKind};

pub fn check(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    // No word of a command line has a NUL byte.
    if text.contains('\0') {
        return;
    }
    for way in [Way::Volume, Way::Tmpfs, Way::Mount] {
        let Ok(volume) = read(way, text) else { continue };
        sound(&volume);
        let target = volume.target.to_str().unwrap();
        if target.contains([',', ':']) {
            continue;
        }
        let flags = words(volume.flags);
        let again = match volume.kind {
            VolumeKind::Bind { source } => {
                let source = source.to_str().unwrap();
                if source.contains([',', ':']) {
                    continue;
                }
                let (propagation, others): (Vec<&str>, Vec<&str>) =
                    flags.iter().partition(|word| ["slave", "shared"].contains(word));
                let mut long = format!("src={source},dst={target}");
                others.iter().for_each(|word| long += &format!(",{}", word.replace("bind", "bind-nonrecursive")));
                propagation.iter().for_each(|word| long += &format!(",bind-propagation={word}"));
                assert_eq!(read(Way::Mount, &long).as_ref(), Ok(&volume), "{long}");
                read(Way::Volume, &format!("{source}:{target}:{}", flags.join(",")))
            }
            VolumeKind::Tmpfs { options } => {
                let both = [flags.join(",").as_str(), options.to_str().unwrap(), "suid", "dev"].join(",");
                // These two are on where nobody says otherwise.
                let both = [both.as_str(), if volume.flags.0 & Flags::NO_SUID != 0 { "nosuid" } else { "" }].join(",");
                let both = [both.as_str(), if volume.flags.0 & Flags::NO_DEV != 0 { "nodev" } else { "" }].join(",");
                read(Way::Tmpfs, &format!("{target}:{both}"))
            }
        };
        assert_eq!(again.as_ref(), Ok(&volume), "{text:?}");
    }
}

fn read(way: Way, text: &str) -> Parsed<Volume> {
    let mut volumes = Vec::new();
    volume::add(&mut volumes, way, text).map(|()| volumes[0])
}

fn sound(volume: &Volume) {
    let target = volume.target.to_str().unwrap();
    assert!(target.starts_with('/') && target.split('/').all(|part| part != ".."), "{volume:?}");
    assert!(target.split('/').any(|part| !["", "."].contains(&part)), "{volume:?}");
    assert!(volume.flags.0 & Flags::SLAVE == 0 || volume.flags.0 & Flags::SHARED == 0, "{volume:?}");
    match volume.kind {
        VolumeKind::Bind { source } => assert!(!source.is_empty()),
        VolumeKind::Tmpfs { options } => {
            assert!(!target.contains(',') && volume.flags.0 & (Flags::SLAVE | Flags::SHARED | Flags::ALONE) == 0);
            assert!(options.to_str().unwrap().split(',').all(|option| option.is_empty() || option.contains('=')));
        }
    }
}

fn words(flags: Flags) -> Vec<&'static str> {
    let all = [
        (Flags::READ, "ro"),
        (Flags::NO_SUID, "nosuid"),
        (Flags::NO_DEV, "nodev"),
        (Flags::NO_EXEC, "noexec"),
        (Flags::ALONE, "bind"),
        (Flags::SLAVE, "slave"),
        (Flags::SHARED, "shared"),
    ];
    all.into_iter().filter(|(bit, _)| flags.0 & bit != 0).map(|(_, word)| word).collect()
}
