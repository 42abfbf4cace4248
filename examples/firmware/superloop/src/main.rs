//! The smallest conversation over the board's modem, until the thermostat is there.
#![no_std]
#![no_main]

use board::{Modem, argument, block_on, exit};
use rust_mqtt::Bytes;
use rust_mqtt::buffer::BumpBuffer;
use rust_mqtt::client::Client;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::types::{MqttString, TopicFilter, TopicName};

#[board::entry]
fn main() -> ! {
    let code = match block_on(echo(Modem::start())) {
        Some(()) => 0,
        None => 1,
    };
    exit(code)
}

/// Says that it is up, returns the first message that it gets to its sender, and goes.
async fn echo(modem: Modem) -> Option<()> {
    let name = argument("thing")?;
    let name = MqttString::try_from(name.as_str()).ok()?;
    let mut memory = [0; 1024];
    let mut buffer = BumpBuffer::new(&mut memory);
    let mut client = Client::<'_, '_, _, _, 1, 1, 1, 1, 0, 0, 0>::new(&mut buffer);
    let options = ConnectOptions::new().clean_start();
    client.connect(modem, &options, Some(name)).await.ok()?;
    let filter = TopicFilter::new(MqttString::from_str("smoke/in").ok()?)?;
    client
        .subscribe(filter, &SubscriptionOptions::new())
        .await
        .ok()?;
    let topic = TopicName::new(MqttString::from_str("smoke/out").ok()?)?;
    let options = PublicationOptions::new(TopicReference::Name(topic)).at_least_once();
    let mut answered = false;
    loop {
        let mut answer = [0; 64];
        let mut len = None;
        match client.poll().await.ok()? {
            Event::Suback(_) => {
                answer.get_mut(..2)?.copy_from_slice(b"up");
                len = Some(2);
            }
            Event::Publish(message) => {
                let text = message.message.as_bytes();
                answer.get_mut(..text.len())?.copy_from_slice(text);
                len = Some(text.len());
                answered = true;
            }
            Event::PublishAcknowledged(_) if answered => break,
            _ => {}
        }
        // SAFETY: nothing of the last event is in use any more.
        unsafe { client.buffer_mut().reset() };
        if let Some(len) = len {
            client
                .publish(&options, Bytes::from(answer.get(..len)?))
                .await
                .ok()?;
        }
    }
    client.disconnect(&DisconnectOptions::new()).await.ok()?;
    Some(())
}
