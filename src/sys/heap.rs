//! The heap: memory from mmap(2), given out from its start to its end, and never taken back.
//!
//! Every life of contain ends soon, or comes to a loop that waits and allocates nothing, and what could be freed on the way
//! is a few pages. So dropping a value needs no code, which is 11 KB less of binary, and no list is searched. The price: a
//! loop that runs for as long as the user likes must not allocate, or do so in a child of its own.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

use linux_raw_sys::general as raw;

use super::syscall;

/// Memory is asked of the kernel in pieces of this size.
const PIECE: usize = 1 << 17;

/// The first piece, which a launch fills: its pages are had at once, not by a fault each.
const FIRST: usize = 5 << 12;

/// What is larger is a mapping of its own, and what is not fits into any piece.
const LARGE: usize = 1 << 14;

pub struct Heap(UnsafeCell<Piece>);

/// What is left of the current piece.
struct Piece {
    next: usize,
    end: usize,
}

// SAFETY: the crate starts no threads (docs/design.md), so the piece is only ever reached from one.
unsafe impl Sync for Heap {}

impl Heap {
    pub const fn new() -> Self {
        Heap(UnsafeCell::new(Piece { next: 0, end: 0 }))
    }
}

// SAFETY: a block lies within one piece, or is a mapping of its own; no other block begins before its end, and the next one
// is aligned as asked, where that is a page at most: nobody asks for more. Blocks are never given out twice.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: there is one thread, and nothing below calls back into the allocator.
        let piece = unsafe { &mut *self.0.get() };
        if layout.size() > LARGE {
            return map(layout.size(), 0);
        }
        let mut block = (piece.next + layout.align() - 1) & !(layout.align() - 1);
        if block + layout.size() > piece.end {
            let (size, kind) = if piece.end == 0 { (FIRST, raw::MAP_POPULATE) } else { (PIECE, 0) };
            block = map(size, kind) as usize;
            if block == 0 {
                return null_mut();
            }
            piece.end = block + size;
        }
        piece.next = block + layout.size();
        block as *mut u8
    }

    #[inline(always)]
    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}

    /// The last block grows and shrinks where it is.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in alloc.
        let piece = unsafe { &mut *self.0.get() };
        let start = block as usize;
        if start + layout.size() == piece.next && start + size <= piece.end && size <= LARGE {
            piece.next = start + size;
            return block;
        }
        if size <= layout.size() {
            return block;
        }
        if layout.size() > LARGE {
            // SAFETY: such a block is a mapping of its own.
            let moved = unsafe {
                syscall(i64::from(raw::__NR_mremap), block, layout.size(), size, raw::MREMAP_MAYMOVE as usize)
            };
            return if moved < 0 { null_mut() } else { moved as *mut u8 };
        }
        // SAFETY: the caller's size does not overflow when it is rounded up to the alignment (GlobalAlloc's contract); the new
        // block is another one than the old, and holds more than it.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(block, new, layout.size());
            }
            new
        }
    }
}

/// Fresh zeroed pages, or null.
fn map(size: usize, kind: u32) -> *mut u8 {
    let (access, kind) = (raw::PROT_READ | raw::PROT_WRITE, kind | raw::MAP_PRIVATE | raw::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping where the kernel likes touches nothing that exists.
    let address =
        unsafe { syscall(i64::from(raw::__NR_mmap), 0usize, size, access as usize, kind as usize, -1isize, 0usize) };
    if address < 0 { null_mut() } else { address as *mut u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long deterministic mix of blocks of every size, some of which grow and shrink; each is filled, and checked whenever
    /// it is touched and at the end.
    #[test]
    fn blocks_never_overlap() {
        let heap = Heap::new();
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let holds = |&(block, layout, fill): &(*mut u8, Layout, u8)| {
            // SAFETY: the block is live and of this layout.
            (0..layout.size()).all(|at| unsafe { *block.add(at) } == fill)
        };
        for round in 0..10_000u32 {
            if random(3) > 0 || live.is_empty() {
                let (bits, align) = (random(17) + 1, 1 << random(7));
                let layout = Layout::from_size_align(1 + random(1 << bits) as usize, align).unwrap();
                // SAFETY: the layout is not empty.
                let block = unsafe { heap.alloc(layout) };
                assert!(!block.is_null() && block.align_offset(layout.align()) == 0);
                // SAFETY: the block is filled within its size.
                unsafe { block.write_bytes(round as u8, layout.size()) };
                live.push((block, layout, round as u8));
            } else {
                // Often the last one, which can grow where it is.
                let back = random(live.len() as u64) + 1;
                let at = live.len() - random(back) as usize - 1;
                let (block, layout, fill) = live.swap_remove(at);
                assert!(holds(&(block, layout, fill)));
                let most = random(100_000) + 1;
                let size = 1 + random(most) as usize;
                // SAFETY: the block is live and of this layout, and is filled anew within its new size.
                let moved = unsafe { heap.realloc(block, layout, size) };
                assert!(holds(&(moved, Layout::from_size_align(layout.size().min(size), 1).unwrap(), fill)));
                // SAFETY: as above.
                unsafe { moved.write_bytes(fill, size) };
                live.push((moved, Layout::from_size_align(size, layout.align()).unwrap(), fill));
            }
        }
        assert!(live.iter().all(holds));
    }
}
