//! Every setting, its default, and why.
//!
//! One table ([`settings!`]) makes the structs, their defaults, what `chappe config` prints and what a file, the
//! environment (`CHAPPE_SECTION__KEY`) and the command line may override, in that order.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// The structs of the settings from one table. A field is `name: Type = default;`, and one whose absence means something
/// of its own is `name: Option<Type> = None, as "example";`.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        [$section:ident] $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $ty:ty = $default:expr $(, as $example:literal)?; )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $name { $( $(#[doc = $doc])+ pub $field: $ty, )+ }

            impl Default for $name {
                fn default() -> Self {
                    Self { $( $field: $default, )+ }
                }
            }
        )+

        /// Everything that can be set.
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config { $( $(#[doc = $about])+ pub $section: $name, )+ }

        /// The names of the sections.
        const SECTIONS: &[&str] = &[$(stringify!($section)),+];

        /// The default configuration as TOML, every setting under its explanation.
        #[must_use]
        pub fn commented_default() -> String {
            let mut out = String::new();
            $(
                comment(&mut out, &[$($about),+]);
                out.push_str(concat!("[", stringify!($section), "]\n"));
                let section = $name::default();
                $(
                    comment(&mut out, &[$($doc),+]);
                    let example: &[&str] = &[$($example)?];
                    assignment(&mut out, stringify!($field), &section.$field, example.first().copied());
                )+
                out.push('\n');
            )+
            out.truncate(out.trim_end().len());
            out.push('\n');
            out
        }
    };
}

settings! {
    /// Where clients connect, and where everything is kept.
    [server] Server {
        /// Addresses to listen on, TCP, WebSocket and HTTP alike. Port 0 picks a free one.
        listen: Vec<String> = vec!["127.0.0.1:8443".to_owned()];
        /// Addresses for MTProto in datagrams, an extension of ours (protocol-spec/08-udp-extension.md). Empty: none.
        udp: Vec<String> = Vec::new();
        /// The data directory: keys, store, files, the admin socket.
        data: PathBuf = PathBuf::from("chappe-data");
        /// The address that clients are told to use for every data centre. Left out: the first listening address.
        advertise: Option<String> = None, as "\"203.0.113.7:443\"";
        /// Whether numbers 99966XYYYY sign in with the code XXXXX, as on the official test data centre.
        /// Left out: only on a server that listens on loopback alone.
        test_numbers: Option<bool> = None, as "false";
        /// Whether clients that know only the old RSA padding may make keys, under an RSA key of their own.
        /// Telethon and Pyrogram need it.
        legacy_rsa: bool = true;
        /// The start of links to people, channels and invitations.
        link_prefix: String = "https://t.me/".to_owned();
    }

    /// The embedded store.
    [store] Store {
        /// "sled", "fjall" or "memory" (which forgets everything at exit).
        engine: Engine = Engine::Sled;
        /// Memory for the engine's cache, in MiB.
        cache_mib: u32 = 256;
    }

    /// How a login code reaches a person who has no other device.
    [login] Login {
        /// "console" (one line on standard output), "command" or "http".
        /// Left out: "console" on a server that listens on loopback alone; any other server must choose.
        channel: Option<Channel> = None, as "\"console\"";
        /// For "command": the program and its arguments. It gets the number and the code as the last two arguments.
        command: Vec<String> = Vec::new();
        /// For "http": where the number and the code are posted, as JSON: {"phone": "...", "code": "..."}.
        /// Plain http only: a TLS gateway belongs in front of it.
        url: String = String::new();
        /// Digits of a code, 4 to 8.
        code_digits: u8 = 5;
        /// Seconds a code stays good.
        code_seconds: u32 = 300;
    }

    /// Bounds that depend on the machine and on who is let in. The others are in the `limits.rs` of each crate.
    [limits] Limits {
        /// Connections open at once, in total.
        connections_max: u32 = 20_000;
        /// Connections open at once from one address (IPv6: from one /64).
        connections_per_address_max: u32 = 256;
        /// Key exchanges that one address may make in a minute.
        handshakes_per_address_per_minute: u32 = 60;
        /// Keys kept on which nobody is logged in; above it the longest unused goes. They expire in a day by themselves.
        keys_without_login_max: u32 = model::limits::GUESTS_MAX;
        /// Calls that one auth key may make in a second, over ten seconds; more wait for it (FLOOD_WAIT).
        calls_per_key_per_second: u32 = 100;
        /// How much wider all limits per address are for loopback.
        loopback_factor: u32 = 64;
        /// Login codes that one phone number may ask for in ten minutes.
        codes_per_phone_per_ten_minutes: u32 = 5;
        /// Login codes that one address may cause in ten minutes.
        codes_per_address_per_ten_minutes: u32 = 30;
        /// Threads that run calls. Left out: two for each core.
        workers: Option<u32> = None, as "4";
        /// Threads that compute key exchanges. Left out: one for each core.
        handshake_threads: Option<u32> = None, as "2";
    }

    /// Logs, on standard error.
    [log] Log {
        /// "human" or "json".
        format: LogFormat = LogFormat::Human;
        /// What to log, in the syntax of the `tracing` filters: "info", "debug", "info,gateway=trace".
        filter: String = "info".to_owned();
    }

    /// Figures for a Prometheus.
    [metrics] Metrics {
        /// Where to serve them over HTTP. Left out: nowhere.
        listen: Option<String> = None, as "\"127.0.0.1:9464\"";
    }
}

/// An embedded store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// sled, the default.
    Sled,
    /// fjall.
    Fjall,
    /// In memory, gone at exit.
    Memory,
}

/// The way of a login code to a person without another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// One line on standard output.
    Console,
    /// A program.
    Command,
    /// A POST.
    Http,
}

/// The form of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for eyes.
    Human,
    /// One JSON object a line.
    Json,
}

/// Why the configuration cannot be used. Prints as one line.
#[derive(Debug)]
pub struct ConfigError(String);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "configuration: {}", self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// The defaults, under `file` if there is one, under the environment.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, or anything in it or in the environment is unknown or of the wrong type.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            // Without this look the provider takes a missing file for an empty one.
            std::fs::metadata(path).map_err(|e| ConfigError(format!("{}: {e}", path.display())))?;
            figment = figment.merge(Toml::file_exact(path));
        }
        let in_a_section = |key: &figment::value::UncasedStr| {
            SECTIONS.iter().any(|section| {
                key.as_str()
                    .to_ascii_lowercase()
                    .strip_prefix(section)
                    .is_some_and(|rest| rest.starts_with("__"))
            })
        };
        figment
            .merge(Env::prefixed("CHAPPE_").filter(in_a_section).split("__"))
            .extract()
            .map_err(|e| ConfigError(e.to_string().replace('\n', " ")))
    }

    /// The addresses to listen on.
    ///
    /// # Errors
    /// [`ConfigError`] if there is none or one is not an address.
    pub fn listen_addrs(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let mut addrs = Vec::new();
        for text in &self.server.listen {
            addrs.extend(resolve("server.listen", text)?);
        }
        if addrs.is_empty() {
            return Err(ConfigError("server.listen: no address".to_owned()));
        }
        Ok(addrs)
    }

    /// The addresses for datagrams; none unless they are set.
    ///
    /// # Errors
    /// [`ConfigError`] if one is not an address.
    pub fn udp_addrs(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let mut addrs = Vec::new();
        for text in &self.server.udp {
            addrs.extend(resolve("server.udp", text)?);
        }
        Ok(addrs)
    }

    /// The address told to clients, if it is set.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not an address.
    pub fn advertised_addr(&self) -> Result<Option<SocketAddr>, ConfigError> {
        match &self.server.advertise {
            Some(text) => Ok(resolve("server.advertise", text)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// The address of the metrics, if they are to be served.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not an address.
    pub fn metrics_addr(&self) -> Result<Option<SocketAddr>, ConfigError> {
        match &self.metrics.listen {
            Some(text) => Ok(resolve("metrics.listen", text)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// Whether test numbers sign in: as set, else only if nobody but this machine can connect.
    ///
    /// # Errors
    /// [`ConfigError`] as for [`Config::listen_addrs`].
    pub fn test_numbers(&self) -> Result<bool, ConfigError> {
        Ok(self.server.test_numbers.unwrap_or(self.on_loopback_alone()?))
    }

    /// The channel of login codes: as set, else the console if nobody but this machine can connect.
    ///
    /// # Errors
    /// [`ConfigError`] if a server open to others has not chosen, or the choice lacks what it needs.
    pub fn login_channel(&self) -> Result<Channel, ConfigError> {
        let channel = match self.login.channel {
            Some(channel) => channel,
            None if self.on_loopback_alone()? => Channel::Console,
            None => {
                let what =
                    "login.channel: a server open to other machines must choose console, command or http";
                return Err(ConfigError(what.to_owned()));
            }
        };
        match channel {
            Channel::Command if self.login.command.is_empty() => {
                Err(ConfigError("login.command: the channel \"command\" needs a program".to_owned()))
            }
            Channel::Http if !self.login.url.starts_with("http://") => Err(ConfigError(
                "login.url: the channel \"http\" needs an address that begins with http://".to_owned(),
            )),
            chosen => Ok(chosen),
        }
    }

    /// Checks what a type cannot say.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.listen_addrs()?;
        self.udp_addrs()?;
        self.advertised_addr()?;
        self.login_channel()?;
        if self.metrics_addr()?.is_some_and(|addr| !addr.ip().is_loopback()) {
            return Err(ConfigError("metrics.listen: figures are served on loopback only".to_owned()));
        }
        if !(4..=8).contains(&self.login.code_digits) {
            return Err(ConfigError("login.code_digits: must be 4 to 8".to_owned()));
        }
        for (name, value) in [
            ("limits.connections_max", self.limits.connections_max),
            ("limits.connections_per_address_max", self.limits.connections_per_address_max),
            ("limits.handshakes_per_address_per_minute", self.limits.handshakes_per_address_per_minute),
            ("limits.keys_without_login_max", self.limits.keys_without_login_max),
            ("limits.calls_per_key_per_second", self.limits.calls_per_key_per_second),
            ("limits.loopback_factor", self.limits.loopback_factor),
            ("limits.workers", self.limits.workers.unwrap_or(1)),
            ("limits.handshake_threads", self.limits.handshake_threads.unwrap_or(1)),
            ("login.code_seconds", self.login.code_seconds),
        ] {
            if value == 0 {
                return Err(ConfigError(format!("{name}: must be at least 1")));
            }
        }
        Ok(())
    }

    /// Whether nobody but this machine can connect.
    ///
    /// # Errors
    /// [`ConfigError`] as for [`Config::listen_addrs`].
    pub fn on_loopback_alone(&self) -> Result<bool, ConfigError> {
        let addrs = [self.listen_addrs()?, self.udp_addrs()?].concat();
        Ok(addrs.iter().all(|addr| is_loopback(addr.ip())))
    }
}

/// Whether `ip` can only be this machine.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn resolve(setting: &str, text: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    let addrs = text.to_socket_addrs().map_err(|e| ConfigError(format!("{setting}: {text}: {e}")))?;
    Ok(addrs.collect())
}

fn comment(out: &mut String, lines: &[&str]) {
    for line in lines {
        out.push_str(format!("# {}", line.trim()).trim_end());
        out.push('\n');
    }
}

/// One `key = value`; a setting that is left out by default stands as a commented example.
fn assignment(out: &mut String, key: &str, value: &impl Serialize, example: Option<&str>) {
    match (example, toml::Value::try_from(value)) {
        (None, Ok(value)) => out.push_str(&format!("{key} = {value}\n")),
        (example, _) => out.push_str(&format!("# {key} = {}\n", example.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config, ConfigError> {
        let figment = Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(text));
        figment.extract().map_err(|e| ConfigError(e.to_string()))
    }

    #[test]
    fn the_printed_default_is_the_default() {
        let text = commented_default();
        let config = parsed(&text).expect("the printed default parses");
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
        let uncommented: String = text
            .lines()
            .map(|l| if l.contains(" = ") { l.trim_start_matches("# ") } else { l })
            .fold(String::new(), |mut all, line| {
                all.push_str(line);
                all.push('\n');
                all
            });
        parsed(&uncommented).expect("every example parses");
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let error = parsed("[server]\nlisten_on = 1\n").expect_err("unknown").to_string();
        assert!(error.contains("listen_on"), "{error}");
    }

    #[test]
    fn a_server_open_to_others_must_choose_how_codes_travel() {
        let mut config = Config::default();
        assert!(config.test_numbers().expect("loopback"));
        assert_eq!(config.login_channel().expect("loopback"), Channel::Console);
        config.server.listen = vec!["0.0.0.0:443".to_owned()];
        assert!(!config.test_numbers().expect("address"));
        assert!(config.login_channel().is_err());
        config.login.channel = Some(Channel::Command);
        assert!(config.login_channel().is_err(), "no program");
        config.login.command = vec!["send-sms".to_owned()];
        assert_eq!(config.login_channel().expect("chosen"), Channel::Command);
    }
}
