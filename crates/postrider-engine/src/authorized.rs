//! What was found to be allowed.
//!
//! Owns: the one way to say so. Only this reaches routing, and nobody can change it: who changes a message takes it out
//! and has it certified again. A18

/// Something that was found to be allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorized<T>(T);

impl<T> Authorized<T> {
    /// The caller has the verdict, or nobody guards this.
    pub(crate) const fn certify(it: T) -> Self {
        Self(it)
    }

    /// To be read; what is made of a copy is not certified.
    #[inline(always)]
    pub(crate) const fn get(&self) -> &T {
        &self.0
    }
}
