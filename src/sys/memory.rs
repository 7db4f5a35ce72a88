//! What only the load needed goes back to the kernel: a daemon of years should not keep the pages that its
//! first milliseconds touched. Nothing is lost; what is used again is there again at the first touch.

use core::ffi::c_void;

/// How far the load's stack may have gone down; what is below was never touched.
const DEPTH: usize = 512 * 1024;
/// What stays below the caller's frame.
const KEPT: usize = 8 * 1024;

/// Gives back the stack below the caller. On another thread than the first it does nothing.
pub fn trim() {
    // SAFETY: they take and return numbers only.
    let (page, first) = unsafe { (libc::sysconf(libc::_SC_PAGESIZE), libc::gettid() == libc::getpid()) };
    let (Ok(page), true) = (usize::try_from(page), first) else { return };
    let here = (&raw const page).addr();
    // Between the first thread's stack and what is mapped below the kernel keeps more than 100 MB free.
    release(here.saturating_sub(DEPTH), here.saturating_sub(KEPT), page);
}

/// Lets go of the whole pages between two addresses. What is refused (locked memory) stays as it is.
fn release(from: usize, to: usize, page: usize) {
    let from = from.next_multiple_of(page);
    let Some(length) = (to - to % page).checked_sub(from) else { return };
    let start = core::ptr::without_provenance_mut::<c_void>(from);
    // SAFETY: the caller names stack that nobody points into.
    unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use core::hint::black_box;

    use super::*;

    /// The address of a frame more than 100 KB down.
    #[inline(never)]
    fn deep() -> usize {
        let frame = black_box([1_u8; 128 * 1024]);
        (&raw const frame).addr() + 64 * 1024
    }

    fn is_resident(address: usize) -> bool {
        let mut answer = 0_u8;
        let page = core::ptr::without_provenance_mut(address - address % 4096);
        // SAFETY: one page, one byte of answer.
        unsafe { libc::mincore(page, 1, &mut answer) == 0 && answer & 1 == 1 }
    }

    #[test]
    fn the_stack_that_was_used_is_given_back() {
        // SAFETY: the child calls only what needs no lock, and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let used = deep();
            let before = is_resident(used);
            trim();
            let code = i32::from(!before) + 2 * i32::from(is_resident(used));
            // SAFETY: it takes a number and does not return.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: `status` is an int to write to.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status:#x}");
    }
}
