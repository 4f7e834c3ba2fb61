//! Walls that come down for the attack suite, which has to see each attack succeed before it may call one refused
//! (docs/attacks.md). Each wall is a cargo feature. The shipped build has none of them: there `weak!` is no code at all,
//! and everyone may write it.

#[cfg(feature = "weak")]
use std::sync::OnceLock;

/// Where the wall is down in this launch: goes another way, or gives a variable another value.
#[cfg(feature = "weak")]
macro_rules! weak {
    ($wall:tt, $variable:ident = $value:expr) => {
        let $variable = if cfg!(feature = $wall) && $crate::weak::is_down($wall) { $value } else { $variable };
    };
    ($wall:tt, $instead:expr) => {
        if cfg!(feature = $wall) && $crate::weak::is_down($wall) {
            $instead
        }
    };
}

#[cfg(not(feature = "weak"))]
macro_rules! weak {
    ($($_nothing:tt)*) => {};
}

/// What CONTAIN_WEAK says: the names of walls, with commas between.
#[cfg(feature = "weak")]
static DOWN: OnceLock<&str> = OnceLock::new();

/// Reads that once, since who asks may be a child that may not allocate.
#[cfg(feature = "weak")]
pub fn choose(environment: &[crate::text::Word]) {
    let _first = DOWN.set(crate::text::value(environment, "CONTAIN_WEAK").map_or("", crate::text::shown));
}

#[cfg(feature = "weak")]
pub fn is_down(wall: &str) -> bool {
    DOWN.get().is_some_and(|down| crate::text::split(down, b',').any(|name| name == wall))
}
