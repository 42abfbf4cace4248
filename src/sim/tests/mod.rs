mod broker;
mod link;
