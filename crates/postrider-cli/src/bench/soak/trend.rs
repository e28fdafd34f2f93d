//! How fast something grows, and how sure that is.
//!
//! The slope is that of Theil and Sen: the median of the slopes between all pairs of points, which single outliers do
//! not move. Its interval is Sen's: the order statistics of the same slopes that the variance of Kendall's S allows
//! with 90 % confidence. It takes the points for independent of each other, which memory is not quite.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trend {
    pub(crate) slope: f64,
    /// It lies above this, and below the next, nine times out of ten.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// With fewer points every interval would hold everything.
const POINTS_MIN: usize = 5;
/// Of the normal distribution, for 5 % on each side.
const Z: f64 = 1.645;

impl Trend {
    /// Of points with different `x` in any order; none of fewer than five.
    #[expect(clippy::cast_precision_loss, reason = "pairs of some thousand points at most")]
    pub(crate) fn of(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < POINTS_MIN {
            return None;
        }
        let mut slopes = Vec::new();
        for (at, (x, y)) in points.iter().enumerate() {
            slopes.extend(points[..at].iter().map(|(x0, y0)| (y - y0) / (x - x0)));
        }
        slopes.sort_by(f64::total_cmp);
        let n = points.len() as f64;
        let spread = Z * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
        let pairs = slopes.len() as f64;
        let low = place((pairs - spread) / 2.0 - 1.0, slopes.len());
        let high = place((pairs + spread) / 2.0, slopes.len());
        Some(Self { slope: median(&slopes)?, low: slopes[low], high: slopes[high] })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a length")]
fn place(at: f64, len: usize) -> usize {
    (at.round().max(0.0) as usize).min(len - 1)
}

/// Of values in any order.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[sorted.len() / 2 - 1], upper) } else { upper })
}

/// What is left of a series when its first third, in which things find their size, is left out.
pub(crate) fn after_warm_up<T>(series: &[T]) -> &[T] {
    &series[series.len() / 3..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that are neither even nor in order, of the same size each time.
    fn noise(at: u32) -> f64 {
        f64::from((at * 7919) % 13) - 6.0
    }

    #[test]
    fn a_slope_is_found_below_noise_and_outliers_and_its_interval_holds_it() {
        let points: Vec<_> = (0..40).map(|at| (f64::from(at), 2.0 * f64::from(at) + noise(at))).collect();
        let mut bent = points.clone();
        bent[39].1 += 5000.0;
        bent[3].1 -= 5000.0;
        for points in [points, bent] {
            let trend = Trend::of(&points).expect("enough points");
            assert!((trend.slope - 2.0).abs() < 0.2, "{trend:?}");
            assert!(1.5 < trend.low && trend.low <= 2.0 && 2.0 <= trend.high && trend.high < 2.5, "{trend:?}");
        }
    }

    #[test]
    fn noise_alone_has_an_interval_with_zero_in_it() {
        let points: Vec<_> = (0..40).map(|at| (f64::from(at), noise(at))).collect();
        let trend = Trend::of(&points).expect("enough points");
        assert!(trend.low < 0.0 && trend.high > 0.0, "{trend:?}");
        assert_eq!(Trend::of(&points[..4]), None);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
        assert_eq!(after_warm_up(&[1, 2, 3, 4]), [2, 3, 4]);
    }
}
