//! The allocator: mimalloc, called without the detour of an alignment.
//!
//! A stored message is some hundred and fifty short-lived values, most of them freed by another thread than the one that made
//! them, which mimalloc is good at. Its usual wrapper passes the alignment of each value on. A block whose size is no power
//! of two (24 bytes, 48) then counts as one that might not be aligned, whenever its page has none free: more is asked for than
//! is needed, and from then on every block of that page is freed the long way. But every block is aligned for whatever C could
//! put there, and hardly any value of ours wants more; so those that do not are asked for by their size alone. Measured in turn,
//! that is a tenth of the time of a stored message.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys as mimalloc;

/// mimalloc.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heap;

/// A block of at least this size is aligned to as many bytes, a smaller one to its size if that is a power of two:
/// `MI_MAX_ALIGN_SIZE` of mimalloc, what `malloc` owes to `max_align_t` in C.
const NATURAL_ALIGN: usize = 16;

/// Whether a block of this size is aligned enough by itself.
const fn is_natural(bytes: usize, align: usize) -> bool {
    align <= NATURAL_ALIGN && align <= bytes
}

// SAFETY: each function hands to mimalloc what its caller owes to `GlobalAlloc`: a size that is not zero, an alignment that is a
// power of two, a pointer that came from here. A block is freed and made larger by its pointer alone, whichever way it was
// asked for. What comes back is aligned, as `is_natural` says and a test looks at.
#[allow(unsafe_code, reason = "the trait is unsafe")]
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (bytes, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        let block = unsafe {
            if is_natural(bytes, align) {
                mimalloc::mi_malloc(bytes)
            } else {
                mimalloc::mi_malloc_aligned(bytes, align)
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (bytes, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        let block = unsafe {
            if is_natural(bytes, align) {
                mimalloc::mi_zalloc(bytes)
            } else {
                mimalloc::mi_zalloc_aligned(bytes, align)
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe {
            if is_natural(bytes, layout.align()) {
                mimalloc::mi_realloc(block.cast(), bytes)
            } else {
                mimalloc::mi_realloc_aligned(block.cast(), bytes, layout.align())
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: as above.
        unsafe { mimalloc::mi_free(block.cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a block, makes it larger and smaller, and looks each time at where it lies and at what it holds.
    #[allow(unsafe_code, reason = "it holds blocks by their addresses, as the allocator gives them")]
    fn live(bytes: usize, align: usize) {
        let layout = Layout::from_size_align(bytes, align).expect("a layout");
        let longer = 3 * bytes + 1;
        let marked = |block: *mut u8, from: usize, to: usize| {
            for at in from..to {
                // SAFETY: the block has `to` bytes, and nobody else has it.
                unsafe { block.add(at).write(at as u8) };
            }
        };
        let holds = |block: *mut u8, count: usize| {
            assert_eq!(block.align_offset(align), 0, "{bytes} bytes aligned to {align}");
            // SAFETY: as above; all of them have been written.
            (0..count).all(|at| unsafe { block.add(at).read() } == at as u8)
        };
        // SAFETY: the sizes are not zero, and each block is given back with the layout that it has then.
        unsafe {
            let zeroed = Heap.alloc_zeroed(layout);
            assert!((0..bytes).all(|at| zeroed.add(at).read() == 0));
            assert_eq!(zeroed.align_offset(align), 0);
            let block = Heap.alloc(layout);
            marked(block, 0, bytes);
            assert!(holds(block, bytes));
            let block = Heap.realloc(block, layout, longer);
            assert!(holds(block, bytes));
            marked(block, bytes, longer);
            let block = Heap.realloc(block, Layout::from_size_align(longer, align).expect("a layout"), 1);
            assert!(holds(block, 1));
            Heap.dealloc(block, Layout::from_size_align(1, align).expect("a layout"));
            Heap.dealloc(zeroed, layout);
        }
    }

    #[test]
    fn every_block_is_aligned_and_keeps_what_it_holds() {
        for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for bytes in (1..=1100).chain([4095, 4096, 4097, 70_000, 3 << 20]) {
                live(bytes, align);
            }
        }
    }
}
