//! Files that a configuration names: looked at before a start, with passphrases, and read by whom.

use crate::authority::Authority;
use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::{Finished, Lines, Program, run, run_with_input};
use crate::tools::command;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustix::process::Signal;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    folder
}

fn write(folder: &Folder, name: &str, text: &str) {
    std::fs::write(folder.0.join(name), text).expect("written");
}

fn private(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// A certificate that signs itself, and its key.
fn sign(folder: &Folder, name: &str, change: impl FnOnce(&mut CertificateParams)) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    change(&mut params);
    write(folder, &format!("{name}.pem"), &params.self_signed(&key).expect("signed").pem());
    write(folder, &format!("{name}.key"), &key.serialize_pem());
    private(&folder.0.join(format!("{name}.key")));
}

fn check(folder: &Folder, file: &str) -> Finished {
    run(Command::new(POSTRIDER).args(["config", "check", file]).current_dir(&folder.0))
}

/// A broker with TLS whose folder has `server.pem` and `server.key`.
fn secured(folder: &Folder, rest: &str, environment: &[(&str, &str)]) -> (Program, Lines, u16) {
    let port = free_port();
    let text = format!(
        "[data]\ndirectory = \"memory\"\n[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:{port}\"\n\
         auth.allow_anonymous = true\n[listener.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n{rest}"
    );
    write(folder, "postrider.toml", &text);
    let mut shell = Command::new("bash");
    shell.args(["-c", "exec \"$0\" serve -c postrider.toml 2>&1", POSTRIDER]).current_dir(&folder.0);
    let (program, log) = Program::start_and_hear(shell.envs(environment.iter().copied()));
    log.wait_for("data directory");
    (program, log, port)
}

fn end(program: Program) {
    program.signal(Signal::TERM);
    assert_eq!(program.finish().code, Some(0));
}

fn publish(name: &str, port: u16, args: &str) -> Finished {
    publish_with_input(name, port, args, b"")
}

fn publish_with_input(name: &str, port: u16, args: &str, input: &[u8]) -> Finished {
    let mut command = command(name);
    command.args(["-h", "localhost", "-p", &port.to_string(), "-t", "a", "-q", "1", "-m", "x"]);
    run_with_input(command.args(args.split_whitespace()), input)
}

#[test]
fn check_names_the_line_of_each_file_that_cannot_be_used_and_what_is_wrong_with_it() {
    let folder = folder("files-check");
    sign(&folder, "server", |_| {});
    sign(&folder, "other", |_| {});
    write(&folder, "users", "otto\n");
    write(&folder, "acl", "topic everything a/b\n");
    let text = "[data]\ndirectory = \"users/data\"\n[process]\npid_file = \"absent/pid\"\n\
                [auth]\npassword_file = \"users\"\n[acl]\nfile = \"acl\"\n\
                [[listener]]\nname = \"one\"\nbind = \"127.0.0.1:1\"\n[listener.tls]\ncertificate = \"server.pem\"\n\
                key = \"other.key\"\n\
                [[listener]]\nname = \"two\"\nbind = \"127.0.0.1:2\"\n[listener.tls]\ncertificate = \"missing.pem\"\n\
                key = \"missing.key\"\nclient_ca_file = \"users\"\nclient_certificate = \"required\"\n";
    write(&folder, "a.toml", text);
    let told = check(&folder, "a.toml");
    assert_eq!(told.code, Some(1));
    for line in [
        "a.toml:2: data.directory: users is no directory",
        "a.toml:4: process.pid_file: absent/pid: there is no directory absent",
        "a.toml:6: auth.password_file: users",
        "a.toml:8: acl.file: acl",
        "a.toml:14: listener.one.tls.key: other.key: the key does not belong to the certificate in server.pem",
        "a.toml:19: listener.two.tls.certificate: missing.pem: there is no such file",
        "a.toml:20: listener.two.tls.key: missing.key: there is no such file",
        "a.toml:21: listener.two.tls.client_ca_file: users: there is no certificate",
    ] {
        assert!(told.errors.lines().any(|told| told.starts_with(line)), "{line} is not in\n{}", told.errors);
    }
    assert_eq!(told.errors.lines().count(), 8, "each once: {}", told.errors);
    assert!(!folder.0.join("absent").exists(), "it only looks");
}

#[test]
fn check_warns_of_a_certificate_that_ends_soon_and_of_a_key_that_others_can_read() {
    let folder = folder("files-soon");
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(20 * 86_400);
    sign(&folder, "server", |params| params.not_after = soon.into());
    sign(&folder, "late", |params| params.not_after = date_time_ymd(2021, 1, 1));
    let text = |name: &str| {
        format!(
            "data.directory = \"memory\"\n[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:1\"\n\
             auth.allow_anonymous = true\n[listener.tls]\ncertificate = \"{name}.pem\"\nkey = \"{name}.key\"\n"
        )
    };
    write(&folder, "a.toml", &text("server"));
    let told = check(&folder, "a.toml").success().text();
    assert!(
        told.starts_with("a.toml:7: listener.tls.tls.certificate: server.pem: the certificate is good for "),
        "{told}"
    );
    assert!(told.contains("1 notice\n"), "{told}");
    std::fs::set_permissions(folder.0.join("server.key"), std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let told = check(&folder, "a.toml").success().text();
    assert!(told.contains("a.toml:8: listener.tls.tls.key: server.key can be read by everybody"), "{told}");
    write(&folder, "b.toml", &text("late"));
    let told = check(&folder, "b.toml");
    assert!(told.code == Some(1) && told.errors.contains("late.pem: the certificate has expired"), "{}", told.errors);
}

#[test]
fn a_key_with_a_passphrase_is_opened_with_what_a_file_or_the_environment_says() {
    let folder = folder("files-passphrase");
    sign(&folder, "server", |_| {});
    encrypt(&folder, "server.key", "correct horse");
    write(&folder, "words", "correct horse\n");
    private(&folder.0.join("words"));
    let ca = folder.0.join("server.pem").display().to_string();
    for (rest, environment) in [("file:words", vec![]), ("env:KEY_WORDS", vec![("KEY_WORDS", "correct horse")])] {
        let (program, _log, port) = secured(&folder, &format!("key_passphrase = \"{rest}\"\n"), &environment);
        publish("mosquitto_pub", port, &format!("--cafile {ca}")).success();
        end(program);
    }
    write(&folder, "words", "another one\n");
    write(
        &folder,
        "b.toml",
        &std::fs::read_to_string(folder.0.join("postrider.toml"))
            .expect("there")
            .replace("env:KEY_WORDS", "file:words"),
    );
    let told = check(&folder, "b.toml");
    assert!(told.code == Some(1) && told.errors.contains("server.key: the passphrase is wrong"), "{}", told.errors);
}

/// Writes a key anew, as its owner would.
fn encrypt(folder: &Folder, name: &str, words: &str) {
    let path = folder.0.join(name);
    let plain = path.with_extension("plain");
    std::fs::rename(&path, &plain).expect("there");
    let mut openssl = command("openssl");
    openssl.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", &format!("pass:{words}"), "-in"]).arg(plain);
    run(openssl.arg("-out").arg(&path)).success();
    private(&path);
}

#[test]
fn a_client_is_asked_for_the_passphrase_of_its_key() {
    let folder = folder("files-client");
    let authority = Authority::new("files-client-authority");
    let server = authority.sign("server", &["localhost"]);
    std::fs::copy(server.certificate, folder.0.join("server.pem")).expect("copied");
    std::fs::copy(server.key, folder.0.join("server.key")).expect("copied");
    let lamp = authority.sign("lamp", &[]);
    std::fs::copy(&lamp.key, folder.0.join("lamp.key")).expect("copied");
    encrypt(&folder, "lamp.key", "correct horse");
    // The authority stands in the configuration itself.
    let pem = std::fs::read_to_string(authority.file()).expect("there");
    let rest = format!("client_certificate = \"required\"\nclient_ca = '''\n{pem}'''\n");
    let (program, _log, port) = secured(&folder, &rest, &[]);
    let ca = authority.file().display().to_string();
    let key = folder.0.join("lamp.key").display().to_string();
    let way = format!("--cafile {ca} --cert {} --key {key}", lamp.certificate.display());
    publish_with_input("postrider pub", port, &way, b"correct horse\n").success();
    let refused = publish_with_input("postrider pub", port, &way, b"wrong\n");
    assert!(refused.code == Some(1) && refused.errors.contains("the passphrase is wrong"), "{}", refused.errors);
    assert_ne!(publish("postrider pub", port, &format!("--cafile {ca}")).code, Some(0), "a certificate is asked for");
    let strangers = Authority::new("files-client-strangers");
    let stranger = strangers.sign("stranger", &[]);
    let other = format!("--cafile {ca} --cert {} --key {}", stranger.certificate.display(), stranger.key.display());
    assert_ne!(publish("postrider pub", port, &other).code, Some(0), "its authority is not believed");
    end(program);
}

// `openssl req -x509` makes such certificates, and calls them authorities.
#[test]
fn a_certificate_that_signs_itself_is_its_own_authority_for_both_families() {
    for (name, is_ca) in [("files-self-ca", IsCa::Ca(BasicConstraints::Unconstrained)), ("files-self", IsCa::NoCa)] {
        let folder = folder(name);
        sign(&folder, "server", |params| params.is_ca = is_ca);
        let another = folder.0.join("another.pem").display().to_string();
        sign(&folder, "another", |params| params.is_ca = is_ca);
        let (program, _log, port) = secured(&folder, "", &[]);
        let own = folder.0.join("server.pem").display().to_string();
        for client in ["mosquitto_pub", "postrider pub"] {
            publish(client, port, &format!("--cafile {own}")).success();
            assert_ne!(
                publish(client, port, &format!("--cafile {another}")).code,
                Some(0),
                "{client}: it is not that one"
            );
            let numbered =
                ["-h", "127.0.0.1", "-p", &port.to_string(), "-t", "a", "-m", "x", "--cafile", &own].map(str::to_owned);
            assert_ne!(run(command(client).args(&numbered)).code, Some(0), "{client}: it has another name");
            run(command(client).args(&numbered).arg("--insecure")).success();
        }
        end(program);
    }
}

#[test]
fn links_to_secrets_are_followed_in_mosquittos_place_where_nobody_else_can_have_laid_them() {
    let folder = folder("files-links");
    let passwords = folder.0.join("..2026/passwd");
    std::fs::create_dir(folder.0.join("..2026")).expect("made");
    let mut passwd = command("mosquitto_passwd");
    run(passwd.args(["-c", "-b"]).arg(&passwords).args(["otto", "secret"])).success();
    symlink("..2026", folder.0.join("..data")).expect("a link");
    symlink("..data/passwd", folder.0.join("passwd")).expect("a link");
    let port = free_port();
    write(&folder, "mosquitto.conf", &format!("listener {port} 127.0.0.1\npassword_file {}/passwd\n", folder.shown()));
    let start = |variable: Option<&str>| {
        let mut shell = Command::new("bash");
        shell.args(["-c", "exec -a mosquitto \"$0\" -c mosquitto.conf 2>&1", POSTRIDER]).current_dir(&folder.0);
        Program::start_and_hear(shell.envs(variable.map(|name| (name, "1"))))
    };
    let (program, log) = start(None);
    log.wait_for("running");
    publish("mosquitto_pub", port, "-u otto -P secret").success();
    end(program);
    // Now everybody can write what is at its end.
    std::fs::set_permissions(&passwords, std::fs::Permissions::from_mode(0o666)).expect("it is ours");
    let (program, log) = start(None);
    let said = log.wait_for("is a symbolic link");
    assert!(said.contains("can be written by everybody") && said.contains("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS"), "{said}");
    assert_eq!(program.finish().code, Some(13), "as for any such file");
    let (program, log) = start(Some("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS"));
    log.wait_for("can be written by everybody");
    end(program);
}
