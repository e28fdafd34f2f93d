//! The calls of the kernel, on one flat directory of a disk.
//!
//! Owns: numbers and attributes as the kernel wants them.
//! Never: lets the kernel keep anything: names and lengths are asked for each time, bytes go around its cache.

use crate::desk::Desk;
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use postrider_journal::{SimulatedFile, Storage, StorageFile};
use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[derive(Debug)]
pub(crate) struct Files {
    desk: Arc<Desk>,
    uid: u32,
    gid: u32,
}

impl Files {
    pub(crate) const fn new(desk: Arc<Desk>, uid: u32, gid: u32) -> Self {
        Self { desk, uid, gid }
    }

    fn attributes(&self, number: INodeNo) -> Result<FileAttr, Errno> {
        if number == INodeNo::ROOT {
            return Ok(self.describe(number, 0, FileType::Directory));
        }
        let file = self.desk.file(id(number))?;
        self.attributes_of(&file)
    }

    fn attributes_of(&self, file: &SimulatedFile) -> Result<FileAttr, Errno> {
        let length = self.desk.settle(file.length())?;
        Ok(self.describe(number(file), length, FileType::RegularFile))
    }

    fn describe(&self, ino: INodeNo, size: u64, kind: FileType) -> FileAttr {
        let time = SystemTime::UNIX_EPOCH;
        FileAttr {
            ino,
            size,
            blocks: size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm: if kind == FileType::Directory { 0o700 } else { 0o600 },
            nlink: 1,
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: BLOCK_BYTES,
            flags: 0,
        }
    }

    fn find(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr, Errno> {
        self.attributes_of(&*self.desk.find(plain(parent, name)?)?)
    }

    fn make(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr, Errno> {
        self.attributes_of(&*self.desk.create(plain(parent, name)?)?)
    }

    fn set_length(&self, number: INodeNo, bytes: Option<u64>) -> Result<FileAttr, Errno> {
        if let Some(bytes) = bytes {
            self.desk.settle(self.desk.file(id(number))?.set_length(bytes))?;
        }
        self.attributes(number)
    }

    fn read_some(&self, number: INodeNo, offset: u64, bytes: u32) -> Result<Vec<u8>, Errno> {
        let mut buffer = vec![0; bytes as usize];
        let count = self.desk.settle(self.desk.file(id(number))?.read_at(offset, &mut buffer))?;
        buffer.truncate(count);
        Ok(buffer)
    }

    fn take_room(&self, number: INodeNo, bytes: u64, mode: i32) -> Result<(), Errno> {
        if mode != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        self.desk.settle(self.desk.file(id(number))?.preallocate(bytes))
    }

    fn rename_one(&self, from: (INodeNo, &OsStr), to: (INodeNo, &OsStr), flags: RenameFlags) -> Result<(), Errno> {
        if !flags.is_empty() {
            return Err(Errno::EINVAL);
        }
        self.desk.settle(self.desk.disk().rename(plain(from.0, from.1)?, plain(to.0, to.1)?))
    }

    fn remove(&self, parent: INodeNo, name: &OsStr) -> Result<(), Errno> {
        self.desk.settle(self.desk.disk().remove(plain(parent, name)?))
    }

    /// Names with the numbers of their files.
    fn entries(&self) -> Result<Vec<(INodeNo, FileType, String)>, Errno> {
        let dots = [".", ".."].map(|name| (INodeNo::ROOT, FileType::Directory, name.to_owned()));
        let mut entries = Vec::from(dots);
        for name in self.desk.settle(self.desk.disk().list())? {
            entries.push((number(&*self.desk.find(&name)?), FileType::RegularFile, name));
        }
        Ok(entries)
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.find(parent, name) {
            Ok(found) => reply.entry(&NOT_KEPT, &found, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(ino) {
            Ok(found) => reply.attr(&NOT_KEPT, &found),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match self.set_length(ino, size) {
            Ok(found) => reply.attr(&NOT_KEPT, &found),
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        match self.make(parent, name) {
            Ok(made) => {
                reply.created(&NOT_KEPT, &made, Generation(0), FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.read_some(ino, offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.desk.write(id(ino), offset, data) {
            Ok(count) => reply.written(u32::try_from(count).expect("no more than was asked for")),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.desk.sync(id(ino)));
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.desk.sync_names());
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.remove(parent, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer(reply, self.rename_one((parent, name), (newparent, newname), flags));
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        answer(reply, self.take_room(ino, offset.saturating_add(length), mode));
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = match self.entries() {
            Ok(entries) => entries,
            Err(error) => return reply.error(error),
        };
        for (next, (number, kind, name)) in (1..).zip(entries).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            if reply.add(number, next, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let free = BLOCKS.saturating_sub(self.desk.disk().used_bytes() / u64::from(BLOCK_BYTES));
        reply.statfs(BLOCKS, free, free, 0, 0, BLOCK_BYTES, 255, BLOCK_BYTES);
    }
}

fn answer(reply: ReplyEmpty, result: Result<(), Errno>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

/// A name in the one directory there is.
fn plain(parent: INodeNo, name: &OsStr) -> Result<&str, Errno> {
    if parent == INodeNo::ROOT { name.to_str().ok_or(Errno::EINVAL) } else { Err(Errno::ENOTDIR) }
}

/// The kernel's number of a file: the first is the directory's.
const fn number(file: &SimulatedFile) -> INodeNo {
    INodeNo(file.id() + 1)
}

const fn id(number: INodeNo) -> u64 {
    number.0.saturating_sub(1)
}

const NOT_KEPT: Duration = Duration::ZERO;
const BLOCK_BYTES: u32 = 4096;
/// 4 TiB.
const BLOCKS: u64 = 1 << 30;
