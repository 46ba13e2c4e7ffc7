//! Waiting at the end of a partition for the next record.

use domain::port::{LogError, Watermarks};
use std::time::Duration;
use tokio::sync::watch;

/// The watermarks once there is something at `offset`, or after the wait; an error where there never will be.
pub async fn for_offset(
    mut marks: watch::Receiver<Watermarks>,
    offset: u64,
    wait: Duration,
) -> Result<Watermarks, LogError> {
    let now = *marks.borrow();
    if offset == now.high && !wait.is_zero() {
        // Whether it came or not, the watermarks read below tell.
        let _ = tokio::time::timeout(wait, marks.wait_for(|marks| marks.high > offset)).await;
    }
    let now = *marks.borrow();
    check(now, offset)?;
    Ok(now)
}

/// Fails for an offset that is not there any more, or not yet.
pub fn check(marks: Watermarks, offset: u64) -> Result<(), LogError> {
    let Watermarks { low, high } = marks;
    if (low..=high).contains(&offset) {
        Ok(())
    } else {
        Err(LogError::OutOfRange { asked: offset, low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_is_waited_for_and_what_lies_outside_is_an_error_at_once() {
        let marks = Watermarks { low: 2, high: 5 };
        let (sender, receiver) = watch::channel(marks);
        let day = Duration::from_secs(86_400);
        assert_eq!(for_offset(receiver.clone(), 4, day).await, Ok(marks));
        for asked in [1, 6] {
            let expected = LogError::OutOfRange { asked, low: 2, high: 5 };
            assert_eq!(for_offset(receiver.clone(), asked, day).await, Err(expected));
        }
        let grown = Watermarks { low: 2, high: 6 };
        let append = async { sender.send_replace(grown) };
        let (answer, _) = tokio::join!(for_offset(receiver.clone(), 5, day), append);
        assert_eq!(answer, Ok(grown));
        assert_eq!(for_offset(receiver, 6, Duration::from_millis(1)).await, Ok(grown));
    }
}
