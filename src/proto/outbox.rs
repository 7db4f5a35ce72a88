//! The queue of actions between a machine and its driver.

/// A first-in first-out queue whose memory is taken once, when it is made.
///
/// The driver empties it after every input, so its capacity is what one input can cause. What does
/// not fit is lost and counted; the simulator holds that this never happens.
#[derive(Debug)]
pub struct Outbox<T> {
    items: Vec<T>,
    read: usize,
    lost: u32,
}

impl<T: Copy> Outbox<T> {
    /// A queue of at most `capacity` actions.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { items: Vec::with_capacity(capacity), read: 0, lost: 0 }
    }

    /// Appends an action.
    pub fn push(&mut self, item: T) {
        if self.items.len() < self.items.capacity() {
            self.items.push(item);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Takes the oldest action.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.items.get(self.read).copied();
        if item.is_some() {
            self.read += 1;
        } else {
            self.items.clear();
            self.read = 0;
        }
        item
    }

    /// Whether all was taken.
    pub fn is_empty(&self) -> bool {
        self.read == self.items.len()
    }

    /// How many actions did not fit, ever.
    pub fn lost(&self) -> u32 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_counts_what_does_not_fit() {
        let mut outbox = Outbox::with_capacity(2);
        for n in 0..3 {
            outbox.push(n);
        }
        assert_eq!((outbox.pop(), outbox.pop(), outbox.pop()), (Some(0), Some(1), None));
        assert_eq!(outbox.lost(), 1);
        outbox.push(7);
        assert_eq!(outbox.pop(), Some(7));
    }
}
