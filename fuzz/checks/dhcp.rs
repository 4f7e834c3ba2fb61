//! Any bytes as a packet of a network, as a DHCP server's message, and as routes: what is believed of them is what an interface
//! can have, and what is asked in return is well-formed.

use crate::dhcp::{FOR_EVER, HEADERS, MOST, Question, REQUEST, Reply, message, name, packet, route};

pub fn check(bytes: &[u8]) {
    if let Some(found) = message(bytes) {
        assert!(found.len() + HEADERS <= bytes.len() && bytes[9] == 17, "{bytes:?}");
    }
    routes(bytes);
    let named = name(bytes);
    assert!(named.len() < 254 && named.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), "{named:?}");
    // As the answer that it claims to be.
    let (Some(&id), Some(&hardware)) =
        (bytes.get(4..).and_then(|b| b.first_chunk()), bytes.get(28..).and_then(|b| b.first_chunk()))
    else {
        return;
    };
    assert!(Reply::read(bytes, [!id[0], 0, 0, 0], hardware).is_none());
    let Some(reply) = Reply::read(bytes, id, hardware) else { return };
    for code in 0..256 {
        let option = reply.option(code);
        assert!(option.len() < 256 && (option.is_empty() || bytes.as_ptr_range().contains(&option.as_ptr())), "{code}");
        routes(option);
    }
    let Some(lease) = reply.lease() else { return };
    let [renewal, rebinding, end] = lease.times;
    assert!(end == FOR_EVER || 2 <= renewal && renewal < rebinding && rebinding <= end && end >= 4, "{lease:?}");
    assert!((1..=32).contains(&lease.prefix) && (1..224).contains(&lease.address[0]), "{lease:?}");
    let long = [b'x'; 64];
    for hostname in [&b""[..], &long] {
        let (own, wanted, server) = (lease.address, lease.address, lease.server);
        let mut asked = [0; MOST];
        let length =
            packet(&Question { kind: REQUEST, id, seconds: 0, hardware, own, wanted, server, hostname }, &mut asked);
        assert!((HEADERS + 300..MOST).contains(&length) && asked[..length].contains(&255));
    }
}

fn routes(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((network, prefix, _)) = route(&mut rest) {
        assert!(
            prefix <= 32 && u64::from(u32::from_be_bytes(network)) << prefix & 0xffff_ffff == 0,
            "{network:?}/{prefix}"
        );
    }
    assert!(rest.len() <= bytes.len());
}
