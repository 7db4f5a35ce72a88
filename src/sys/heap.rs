//! The heap under watch: a global allocator that counts what is allocated after the load. The binary
//! installs it; the tables and buffers of the run phase are made before [`seal`].

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::alloc::System;

/// The system's allocator, counting. To be installed with `#[global_allocator]`.
pub struct CountingAllocator;

/// From here on nothing may be allocated. A debug build ends on the first allocation; a release build
/// counts it.
pub fn seal() {
    WATCH.sealed.store(true, Relaxed);
}

/// Allocations are free again: for a reload, until the next [`seal`].
pub fn unseal() {
    WATCH.sealed.store(false, Relaxed);
}

/// Allocations made while sealed, since the start. Zero if all is well.
pub fn allocations_while_sealed() -> usize {
    WATCH.while_sealed.load(Relaxed)
}

/// All allocations since the start, for tests and the status.
pub fn allocations() -> usize {
    WATCH.all.load(Relaxed)
}

static WATCH: Watch = Watch::new();

struct Watch {
    sealed: AtomicBool,
    while_sealed: AtomicUsize,
    all: AtomicUsize,
}

impl Watch {
    const fn new() -> Self {
        Self { sealed: AtomicBool::new(false), while_sealed: AtomicUsize::new(0), all: AtomicUsize::new(0) }
    }

    /// Takes note of an allocation.
    fn note(&self, bytes: usize) {
        self.all.fetch_add(1, Relaxed);
        if self.sealed.load(Relaxed) {
            self.while_sealed.fetch_add(1, Relaxed);
            if cfg!(debug_assertions) {
                end(bytes);
            }
        }
    }
}

/// Says how much was asked for, without allocating, and ends the process.
#[cold]
fn end(bytes: usize) -> ! {
    let mut digits = [0; 20];
    let mut rest = bytes;
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = at;
        if rest == 0 {
            break;
        }
    }
    for part in [b"allocation of ".as_slice(), digits.get(first..).unwrap_or_default(), b" bytes while sealed\n"] {
        let _ = super::fd::write(libc::STDERR_FILENO, part);
    }
    // SAFETY: it takes nothing and does not return.
    unsafe { libc::abort() }
}

// SAFETY: all calls go to the system's allocator unchanged; counting touches atomics only.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        WATCH.note(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        WATCH.note(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        WATCH.note(size);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_while_sealed_is_counted_or_the_end() {
        let watch = Watch::new();
        watch.note(1);
        assert_eq!((watch.all.load(Relaxed), watch.while_sealed.load(Relaxed)), (1, 0));
        watch.sealed.store(true, Relaxed);
        // SAFETY: the child only writes, exits or aborts.
        let child = unsafe { libc::fork() };
        if child == 0 {
            watch.note(4096);
            // SAFETY: it takes a number and does not return.
            unsafe { libc::_exit(watch.while_sealed.load(Relaxed) as i32) };
        }
        let mut status = 0;
        // SAFETY: `status` is an int to write to.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        if cfg!(debug_assertions) {
            assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT);
        } else {
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 1);
        }
    }

    #[test]
    fn what_is_handed_out_is_the_systems() {
        let layout = Layout::array::<u64>(8).unwrap();
        // SAFETY: the layout is not empty; each block is freed once with the layout it has.
        unsafe {
            let block = CountingAllocator.alloc_zeroed(layout);
            assert_eq!(core::slice::from_raw_parts(block, 64), [0; 64]);
            let block = CountingAllocator.realloc(block, layout, 128);
            assert_eq!(core::slice::from_raw_parts(block, 64), [0; 64]);
            CountingAllocator.dealloc(block, Layout::array::<u64>(16).unwrap());
        }
        assert!(allocations() >= 2);
    }
}
