//! The way of a path through symbolic links.
//!
//! Owns: following links one by one, as the system does, and remembering each.
//! Never: fails: what is not there has no links.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// The links on the way: each with its place, no link before it, and where it points, which may be a link again.
    pub(super) links: Vec<(PathBuf, PathBuf)>,
    /// The end, without any link in it.
    pub(super) end: PathBuf,
}

/// The system follows no more.
const LINKS_MAX: usize = 40;

/// Follows a path to its end.
pub(super) fn follow(path: &Path) -> Trail {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest: VecDeque<OsString> = names(&absolute).into();
    let (mut here, mut links) = (PathBuf::from("/"), Vec::new());
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        match std::fs::read_link(&next) {
            Ok(target) if links.len() < LINKS_MAX => {
                let below = if target.is_absolute() { PathBuf::from("/") } else { here.clone() };
                links.push((next, tidied(&below, &target)));
                for name in names(&target).into_iter().rev() {
                    rest.push_front(name);
                }
                here = below;
            }
            Ok(_) | Err(_) => here = next,
        }
    }
    Trail { links, end: here }
}

fn names(path: &Path) -> Vec<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

fn tidied(below: &Path, target: &Path) -> PathBuf {
    names(target).into_iter().fold(below.to_owned(), |mut path, name| {
        if name == ".." {
            path.pop();
        } else {
            path.push(name);
        }
        path
    })
}
