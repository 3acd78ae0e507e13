use bytes::Bytes;
use sip_message::*;
use std::path::Path;
#[test]
fn explore() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for dir in ["sip-tests/torture/own","../shared/torture/rfc4475","../shared/torture/rfc5118"] {
        let mut files: Vec<_> = std::fs::read_dir(root.join(dir)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for f in files {
            let name = format!("{}/{}", dir.rsplit('/').next().unwrap(), f.file_stem().unwrap().to_str().unwrap());
            let bytes = Bytes::from(std::fs::read(&f).unwrap());
            let ours = Message::parse_datagram(bytes.clone(), &Limits::default());
            let ok = match &ours { Ok(Message::Request(r)) => validate::request(r).is_ok(), Ok(Message::Response(r)) => validate::response(r).is_ok(), _ => false };
            let theirs = std::panic::catch_unwind(|| rsip::SipMessage::try_from(bytes.to_vec()));
            let t = match &theirs { Ok(Ok(_)) => "ok", Ok(Err(_)) => "refuse", Err(_) => "PANIC" };
            if !ok { println!("R {name} theirs={t}"); continue; }
            let ours = ours.unwrap();
            match rsip::SipMessage::try_from(&ours) {
                Err(e) => println!("A {name} theirs={t} TO-ERR {e}"),
                Ok(m) => {
                    let back = match Message::try_from(&m) { Ok(_) => "ok".to_string(), Err(e) => format!("BACK-ERR {e}") };
                    let same = match &theirs { Ok(Ok(o)) => { if *o == m {"same"} else {"differs"} } _ => "-" };
                    println!("A {name} theirs={t} {same} back={back} {}", if t=="refuse" { format!("{:.90}", theirs.unwrap().unwrap_err().to_string().replace(['\r','\n'],"~")) } else {String::new()});
                }
            }
        }
    }
}
