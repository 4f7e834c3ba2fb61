//! The heap: free lists by size over memory from mmap(2). musl's malloc is made for threads and hostile programs; for one
//! thread that plans once and then waits, this is 8 KB less of binary, and fewer pages and system calls at each start.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

use linux_raw_sys::general as raw;

use super::syscall;

/// Blocks are powers of two from 16 bytes to 64 KiB; what is larger is a mapping of its own.
const SMALLEST: u32 = 4;
const LARGEST: u32 = 16;
const CLASSES: usize = (LARGEST - SMALLEST + 1) as usize;
/// Memory is asked of the kernel in pieces of this size.
const PIECE: usize = 1 << LARGEST;

pub struct Heap(UnsafeCell<Lists>);

struct Lists {
    /// Freed blocks of each size, each holding the address of the next.
    free: [*mut u8; CLASSES],
    /// What is left of the current piece.
    next: *mut u8,
    left: usize,
}

// SAFETY: the crate starts no threads (docs/design.md), so the lists are only ever reached from one.
unsafe impl Sync for Heap {}

impl Heap {
    pub const fn new() -> Self {
        Heap(UnsafeCell::new(Lists { free: [null_mut(); CLASSES], next: null_mut(), left: 0 }))
    }
}

/// The class of a layout: the power of two that holds both its size and its alignment.
fn class(layout: Layout) -> u32 {
    let size = layout.size().max(layout.align()).max(1 << SMALLEST);
    size.next_power_of_two().trailing_zeros()
}

// SAFETY: every block is a power of two that is at least as large as size and alignment, is cut from a page-aligned piece
// at a multiple of its own size, and is on no list while it is in use.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class(layout);
        if class > LARGEST {
            return map(layout.size());
        }
        // SAFETY: there is one thread, and nothing below calls back into the allocator.
        let lists = unsafe { &mut *self.0.get() };
        let list = &mut lists.free[(class - SMALLEST) as usize];
        if !list.is_null() {
            let block = *list;
            // SAFETY: a freed block is at least 16 bytes and begins with the address of the next one.
            *list = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let size = 1 << class;
        // Round up to a multiple of the block's size, which pieces begin at.
        let skip = lists.next.align_offset(size);
        if lists.next.is_null() || lists.left < skip + size {
            let piece = map(PIECE);
            if piece.is_null() {
                return piece;
            }
            (lists.next, lists.left) = (piece, PIECE);
            return self.cut(0, size);
        }
        self.cut(skip, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let class = class(layout);
        if class > LARGEST {
            // SAFETY: such a block is a mapping of its own, of this size.
            unsafe { syscall(i64::from(raw::__NR_munmap), block, layout.size()) };
            return;
        }
        // SAFETY: as in alloc; the block is ours again and at least 16 bytes.
        unsafe {
            let list = &mut (*self.0.get()).free[(class - SMALLEST) as usize];
            block.cast::<*mut u8>().write(*list);
            *list = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's size, rounded up to the alignment, does not overflow (GlobalAlloc's contract).
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if class(wanted) == class(layout) && class(layout) <= LARGEST {
            return block;
        }
        // SAFETY: the new block is distinct from the old one, and both hold the smaller of the sizes.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

impl Heap {
    fn cut(&self, skip: usize, size: usize) -> *mut u8 {
        // SAFETY: the caller has seen that the piece holds this much; there is one thread.
        unsafe {
            let lists = &mut *self.0.get();
            let block = lists.next.add(skip);
            lists.next = block.add(size);
            lists.left -= skip + size;
            block
        }
    }
}

/// Fresh zeroed pages, or null.
fn map(size: usize) -> *mut u8 {
    let (access, kind) = (raw::PROT_READ | raw::PROT_WRITE, raw::MAP_PRIVATE | raw::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping where the kernel likes touches nothing that exists.
    let address =
        unsafe { syscall(i64::from(raw::__NR_mmap), 0usize, size, access as usize, kind as usize, -1isize, 0usize) };
    if address == -1 { null_mut() } else { address as *mut u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long deterministic mix of allocations of every size; each block is filled, and checked before it is freed.
    #[test]
    fn blocks_never_overlap() {
        let heap = Heap::new();
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..20_000u32 {
            if random(3) > 0 || live.is_empty() {
                let (bits, align) = (random(18) + 1, 1 << random(7));
                let layout = Layout::from_size_align(1 + random(1 << bits) as usize, align).unwrap();
                // SAFETY: the layout is not empty, and the block is filled within its size.
                let block = unsafe { heap.alloc(layout) };
                assert!(!block.is_null() && block.align_offset(layout.align()) == 0);
                // SAFETY: as above.
                unsafe { block.write_bytes(round as u8, layout.size()) };
                live.push((block, layout, round as u8));
            } else {
                let index = random(live.len() as u64) as usize;
                let (block, layout, fill) = live.swap_remove(index);
                // SAFETY: the block is live and of this layout; it is grown or shrunk, then freed as what it became.
                unsafe {
                    assert!((0..layout.size()).all(|at| *block.add(at) == fill));
                    let size = 1 + random(70_000) as usize;
                    let moved = heap.realloc(block, layout, size);
                    assert!((0..layout.size().min(size)).all(|at| *moved.add(at) == fill));
                    heap.dealloc(moved, Layout::from_size_align(size, layout.align()).unwrap());
                }
            }
        }
    }
}
