//! Fuzz targets: ordinary tests that replay their corpus and then try random input.

use crate::proxy::SIGNATURE;
use crate::script::Script;
use crate::websocket::saying;
use postrider_net::Address;
use postrider_net::proxy::{ProxyOptions, parse, read};
use postrider_net::websocket::{WebSocketOptions, accept};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::io::AsyncReadExt;

/// Nothing in these tests ever waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something"),
    }
}

/// Whatever comes: the same from a stream as from a buffer, and no byte behind the header is taken.
#[test]
fn proxy_header() {
    let options = ProxyOptions::trusting(Vec::new());
    let from = Address::Unix("s".into());
    bolero::check!().with_iterations(20_000).with_max_len(1024).for_each(|input: &[u8]| {
        // Half of the inputs begin as a header does.
        let input = match input.split_first() {
            Some((first, rest)) if first & 1 == 0 => &[SIGNATURE, rest].concat(),
            Some((first, rest)) if first & 2 == 0 => &[b"PROXY ", rest].concat(),
            _ => input,
        };
        let parsed = parse(input);
        for piece in [0, 1] {
            let mut script = Script::new(input, piece);
            let result = now(read(&mut script, &from, &options));
            match (&parsed, result) {
                (Ok(Some((forwarded, len))), Ok(read)) => assert_eq!((forwarded, *len), (&read, script.at)),
                (Ok(None) | Err(_), Err(_)) => {}
                (parsed, result) => panic!("{parsed:?} from a buffer, {result:?} from a stream"),
            }
        }
    });
}

/// Whatever comes in frames: the same payload and the same answers however the bytes are cut, and no panic.
#[test]
fn websocket_frames() {
    let take = |input: &[u8], piece: usize| {
        now(async {
            let mut socket = saying(input, piece, 300).await;
            let mut got = Vec::new();
            let result = socket.read_to_end(&mut got).await.map_err(|error| error.to_string());
            (got, result.map(|_| ()), socket.get_ref().heard.clone())
        })
    };
    bolero::check!().with_iterations(5_000).with_max_len(1024).for_each(|input: &[u8]| {
        let whole = take(input, 0);
        assert!(whole.0.len() <= input.len());
        for piece in [1, 2, 7] {
            assert_eq!(take(input, piece), whole, "in pieces of {piece}");
        }
    });
}

/// Whatever is asked for: one answer, or the end.
#[test]
fn http_request() {
    bolero::check!().with_iterations(5_000).with_max_len(2048).for_each(|input: &[u8]| {
        let mut script = Script::new(input, 0);
        match now(accept(&mut script, &WebSocketOptions::default())) {
            Ok(_) => assert!(script.heard.starts_with(b"HTTP/1.1 ")),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof),
        }
    });
}
