//! I/O ports, which x86 has: ioperm(2) for one of them, then the instruction. Elsewhere each is ENOSYS.

use crate::linux::io::Errno;

#[cfg(target_arch = "x86_64")]
fn open(port: u16) -> Result<(), Errno> {
    use linux_raw_sys::general::__NR_ioperm;
    // SAFETY: it lets this process use one port, and touches no memory.
    super::check(unsafe { super::syscall(__NR_ioperm.into(), u64::from(port), 1u64, 1u64) }).map(drop)
}

/// What a port answers; all ones where nobody listens.
#[cfg(target_arch = "x86_64")]
pub fn read(port: u16) -> Result<u8, Errno> {
    open(port)?;
    let value: u8;
    // SAFETY: the port is open to this process; reading a port touches no memory.
    unsafe { std::arch::asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) };
    Ok(value)
}

#[cfg(target_arch = "x86_64")]
pub fn write(port: u16, value: u8) -> Result<(), Errno> {
    open(port)?;
    // SAFETY: as above; what the device does is what the caller wants of it.
    unsafe { std::arch::asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
pub fn read(_port: u16) -> Result<u8, Errno> {
    Err(Errno::NOSYS)
}

#[cfg(not(target_arch = "x86_64"))]
pub fn write(_port: u16, _value: u8) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}
