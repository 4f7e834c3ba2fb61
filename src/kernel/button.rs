//! The power button, as the input devices have it that are there when the boot is over (evdev).

use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};

use crate::kernel::file;
use crate::sys::keys;
use crate::text::kept_one;

/// KEY_POWER of input-event-codes.h.
const POWER: u16 = 116;

/// Most of them: a board's own, a keyboard's, a remote control's.
const MOST: usize = 4;

/// Opens every device that has the key.
pub fn find() -> Vec<OwnedFd> {
    let mut found = Vec::new();
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(devices) = openat(CWD, c"/dev/input", flags | OFlags::DIRECTORY, Mode::empty()) else { return found };
    let _unread = file::names(devices.as_fd(), &mut |name| {
        // One too many is not heard.
        if !name.to_bytes().starts_with(b"event") || found.len() == MOST {
            return;
        }
        let device = openat(&devices, kept_one(name.to_bytes()), flags, Mode::empty());
        if let Ok(device) = device
            && keys::known(device.as_fd()).is_ok_and(|keys| keys[usize::from(POWER / 8)] & 1 << (POWER % 8) != 0)
        {
            found.push(device);
        }
    });
    found
}

/// Whether one of them was pressed since the last time.
pub fn is_pressed(buttons: &[OwnedFd]) -> bool {
    const KEY: u16 = 1;
    let mut pressed = false;
    for button in buttons {
        // struct input_event: a time of 16 bytes, the type, the code, the value.
        let mut event = [0u8; 24];
        while linux::io::read(button, &mut event) == Ok(event.len()) {
            let [.., a, b, c, d, value, _, _, _] = event;
            pressed |= [u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d])] == [KEY, POWER] && value == 1;
        }
    }
    pressed
}
