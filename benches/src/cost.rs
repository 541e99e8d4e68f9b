use std::iter::Sum;
use std::ops::{Add, Sub};

/// What one call costs, by the clock and beside the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Nanoseconds.
    pub nanos: f64,
    /// Floors: how many HMACs take as long.
    pub floors: f64,
}

impl Cost {
    /// Of what was not timed.
    pub const UNKNOWN: Self = Self {
        nanos: f64::NAN,
        floors: f64::NAN,
    };
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            nanos: self.nanos + other.nanos,
            floors: self.floors + other.floors,
        }
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            nanos: self.nanos - other.nanos,
            floors: self.floors - other.floors,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        let nothing = Self {
            nanos: 0.0,
            floors: 0.0,
        };
        costs.fold(nothing, Self::add)
    }
}
