//! Who asked: the ids of a request, kept until it is answered.

use crate::protocol::{RequestId, TwinId};

type Text<const N: usize> = heapless::String<N>;

/// The twin and the request's id.
#[derive(Debug)]
pub(super) struct Asker {
    device: Text<{ TwinId::MAX }>,
    name: Option<Text<{ TwinId::MAX }>>,
    request: Text<{ RequestId::MAX }>,
}

impl Asker {
    pub(super) const fn new() -> Self {
        Self {
            device: Text::new(),
            name: None,
            request: Text::new(),
        }
    }

    pub(super) fn set(&mut self, id: TwinId<'_>, request: Option<RequestId<'_>>) {
        // The types bound the lengths: all of it fits.
        self.device.clear();
        let _ = self.device.push_str(id.device());
        self.name = id.name().and_then(|name| Text::try_from(name).ok());
        self.request.clear();
        if let Some(request) = request {
            let _ = self.request.push_str(request.as_str());
        }
    }

    pub(super) fn twin(&self) -> Option<TwinId<'_>> {
        TwinId::new(&self.device, self.name.as_deref()).ok()
    }

    pub(super) fn request(&self) -> Option<RequestId<'_>> {
        RequestId::new(&self.request)
    }
}
