//! What a device says when it connects: client id, user name, and the token that is its password.

use super::percent;
use super::topic::{IdError, check};
use crate::adapter::Publish;
use crate::codec::json::Writer;
use crate::error::BufferTooSmall;
use crate::protocol::TwinId;

/// How a device, or a module, makes itself known to an IoT Hub over MQTT 3.1.1 ("Communicate with IoT Hub
/// using the MQTT protocol", "Control access to IoT Hub by using shared access signatures").
///
/// The password is a token that someone signs who has the key: write [`Login::string_to_sign`], compute
/// HMAC-SHA256 over it with the key (base64 decoded), and hand the signature, in base64, to
/// [`Login::password`]. With an X.509 client certificate there is no password. A token ends at its
/// expiry; connect anew with another one before.
///
/// ```
/// use twinsync::adapter::azure::Login;
/// use twinsync::protocol::TwinId;
///
/// let id = TwinId::new("lamp", None)?;
/// let login = Login::new("hub.azure-devices.net", id)?.with_model("dtmi:example:Lamp;1");
/// let mut out = [0; 200];
/// assert_eq!(login.client_id(&mut out)?, "lamp");
/// assert_eq!(
///     login.user_name(&mut out)?,
///     "hub.azure-devices.net/lamp/?api-version=2021-04-12&model-id=dtmi%3Aexample%3ALamp%3B1"
/// );
/// let expiry = 1_700_003_600;
/// assert_eq!(
///     login.string_to_sign(expiry, &mut out)?,
///     "hub.azure-devices.net%2Fdevices%2Flamp\n1700003600"
/// );
/// // The caller's: base64(hmac_sha256(base64_decode(key), string_to_sign))
/// let signature = "c2lnbmF0dXJl";
/// assert_eq!(
///     login.password(expiry, signature, &mut out)?,
///     "SharedAccessSignature sr=hub.azure-devices.net%2Fdevices%2Flamp&sig=c2lnbmF0dXJl&se=1700003600"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Login<'a> {
    host: &'a str,
    id: TwinId<'a>,
    api_version: &'a str,
    client_type: Option<&'a str>,
    model: Option<&'a str>,
    policy: Option<&'a str>,
}

impl<'a> Login<'a> {
    /// The version of the service's interface that is named if nothing else is asked for. Before 2019-10-01
    /// there are no arrays.
    pub const API_VERSION: &'static str = "2021-04-12";

    /// Takes the host name of the hub, such as `hub.azure-devices.net`, and the device; a module's id is
    /// the twin's name.
    ///
    /// # Errors
    /// [`IdError`] if an id breaks the rules of IoT Hub, see [`twin_id`](super::twin_id).
    pub fn new(host: &'a str, id: TwinId<'a>) -> Result<Self, IdError> {
        check(id.device())?;
        if let Some(module) = id.name() {
            check(module)?;
        }
        Ok(Self {
            host,
            id,
            api_version: Self::API_VERSION,
            client_type: None,
            model: None,
            policy: None,
        })
    }

    /// The same with another version of the service's interface.
    pub const fn with_api_version(mut self, version: &'a str) -> Self {
        self.api_version = version;
        self
    }

    /// The same, saying which client this is (`DeviceClientType`). The text goes out as it is: what is not
    /// allowed in a URL must have been percent-encoded.
    pub const fn with_client_type(mut self, client_type: &'a str) -> Self {
        self.client_type = Some(client_type);
        self
    }

    /// The same, announcing an IoT Plug and Play model, a `dtmi:…;1`.
    pub const fn with_model(mut self, model: &'a str) -> Self {
        self.model = Some(model);
        self
    }

    /// The same with the name of the shared access policy whose key signs (`skn`); none means that the key
    /// is the device's own.
    pub const fn with_policy(mut self, policy: &'a str) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Writes the client identifier: `device` or `device/module`.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long it is.
    pub fn client_id<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, BufferTooSmall> {
        write(out, |writer| self.write_id(writer))
    }

    /// Writes the user name.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long it is.
    pub fn user_name<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, BufferTooSmall> {
        write(out, |writer| {
            writer.raw(self.host);
            writer.raw("/");
            self.write_id(writer);
            writer.raw("/?api-version=");
            writer.raw(self.api_version);
            if let Some(client_type) = self.client_type {
                writer.raw("&DeviceClientType=");
                writer.raw(client_type);
            }
            if let Some(model) = self.model {
                writer.raw("&model-id=");
                percent::encode(model, writer);
            }
        })
    }

    /// Writes what the signature of a token is computed over. `expiry` is in seconds since 1970.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long it is.
    pub fn string_to_sign<'o>(
        &self,
        expiry: u64,
        out: &'o mut [u8],
    ) -> Result<&'o str, BufferTooSmall> {
        write(out, |writer| {
            self.write_resource(writer);
            writer.raw("\n");
            writer.unsigned(expiry);
        })
    }

    /// Writes the password: the token that `signature` (base64) makes of
    /// [`string_to_sign`](Self::string_to_sign) with the same `expiry`.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long it is.
    pub fn password<'o>(
        &self,
        expiry: u64,
        signature: &str,
        out: &'o mut [u8],
    ) -> Result<&'o str, BufferTooSmall> {
        write(out, |writer| {
            writer.raw("SharedAccessSignature sr=");
            self.write_resource(writer);
            writer.raw("&sig=");
            percent::encode(signature, writer);
            writer.raw("&se=");
            writer.unsigned(expiry);
            if let Some(policy) = self.policy {
                writer.raw("&skn=");
                percent::encode(policy, writer);
            }
        })
    }

    fn write_id(&self, writer: &mut Writer<'_>) {
        writer.raw(self.id.device());
        if let Some(module) = self.id.name() {
            writer.raw("/");
            writer.raw(module);
        }
    }

    /// The resource that a token is for, percent-encoded as a whole.
    fn write_resource(&self, writer: &mut Writer<'_>) {
        percent::encode(self.host, writer);
        percent::encode("/devices/", writer);
        percent::encode(self.id.device(), writer);
        if let Some(module) = self.id.name() {
            percent::encode("/modules/", writer);
            percent::encode(module, writer);
        }
    }
}

fn write(out: &mut [u8], text: impl FnOnce(&mut Writer<'_>)) -> Result<&str, BufferTooSmall> {
    let mut writer = Writer::new(&mut *out);
    text(&mut writer);
    let len = writer.finish()?;
    Ok(Publish::cut(out, len, len).topic)
}
