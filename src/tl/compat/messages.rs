//! Replies, media, polls, themes, and other parts of messages and chats.

use crate::{enums, types};

/// A reply was the number of a message.
pub(crate) fn reply_to(msg_id: &Option<i32>) -> Option<enums::InputReplyTo> {
    reply_in_topic(msg_id, &None)
}

/// A reply was the number of a message, and beside it the topic it belongs to; a topic alone is a message in that topic.
pub(crate) fn reply_in_topic(msg_id: &Option<i32>, top_msg_id: &Option<i32>) -> Option<enums::InputReplyTo> {
    let reply_to_msg_id = (*msg_id).or(*top_msg_id)?;
    Some(types::InputReplyToMessage { reply_to_msg_id, top_msg_id: *top_msg_id, ..Default::default() }.into())
}

pub(crate) fn surely_reply_to(msg_id: &i32) -> enums::InputReplyTo {
    types::InputReplyToMessage { reply_to_msg_id: *msg_id, ..Default::default() }.into()
}

/// Replies to anything but a message cannot be said with its number.
pub(crate) fn reply_to_msg_id(reply: &Option<enums::InputReplyTo>) -> Option<i32> {
    match reply {
        Some(enums::InputReplyTo::InputReplyToMessage(reply)) => Some(reply.reply_to_msg_id),
        _ => None,
    }
}

pub(crate) fn surely_reply_to_msg_id(reply: &enums::InputReplyTo) -> i32 {
    reply_to_msg_id(&Some(reply.clone())).unwrap_or(0)
}

pub(crate) fn reply_top_msg_id(reply: &Option<enums::InputReplyTo>) -> Option<i32> {
    match reply {
        Some(enums::InputReplyTo::InputReplyToMessage(reply)) => reply.top_msg_id,
        _ => None,
    }
}

pub(crate) fn one_id(msg_id: &Option<i32>) -> Option<Vec<i32>> {
    msg_id.map(|id| vec![id])
}

pub(crate) fn first_id(ids: &Option<Vec<i32>>) -> Option<i32> {
    ids.as_ref().and_then(|ids| ids.first().copied())
}

/// A video had one other quality before it had several.
pub(crate) fn one_document(document: &Option<enums::Document>) -> Option<Vec<enums::Document>> {
    document.clone().map(|document| vec![document])
}

pub(crate) fn first_document(documents: &Option<Vec<enums::Document>>) -> Option<enums::Document> {
    documents.as_ref().and_then(|documents| documents.first().cloned())
}

pub(crate) fn one_extended_media(media: &enums::MessageExtendedMedia) -> Vec<enums::MessageExtendedMedia> {
    vec![media.clone()]
}

pub(crate) fn first_extended_media(media: &[enums::MessageExtendedMedia]) -> enums::MessageExtendedMedia {
    media.first().cloned().unwrap_or_default()
}

pub(crate) fn whole_seconds(seconds: &i32) -> f64 {
    f64::from(*seconds)
}

/// Durations were whole seconds; a short clip lasted at least one, if anything.
pub(crate) fn rounded_seconds(seconds: &f64) -> i32 {
    seconds.ceil() as i32
}

/// The right answers of a quiz were named by their option, and are by their place now.
pub(crate) fn answer_numbers(options: &Option<Vec<Vec<u8>>>, poll: &types::Poll) -> Option<Vec<i32>> {
    let place = |option: &Vec<u8>| {
        let is_it = |answer: &enums::PollAnswer| match answer {
            enums::PollAnswer::PollAnswer(answer) => answer.option == *option,
            enums::PollAnswer::InputPollAnswer(_) => false,
        };
        poll.answers.iter().position(is_it).and_then(|at| i32::try_from(at).ok())
    };
    options.as_ref().map(|options| options.iter().filter_map(place).collect())
}

pub(crate) fn answer_options(numbers: &Option<Vec<i32>>, poll: &types::Poll) -> Option<Vec<Vec<u8>>> {
    let option = |number: &i32| match poll.answers.get(usize::try_from(*number).ok()?)? {
        enums::PollAnswer::PollAnswer(answer) => Some(answer.option.clone()),
        enums::PollAnswer::InputPollAnswer(_) => None,
    };
    numbers.as_ref().map(|numbers| numbers.iter().filter_map(option).collect())
}

/// Only users could vote.
pub(crate) fn votes_of_peers(votes: &[enums::MessageUserVote]) -> Vec<enums::MessagePeerVote> {
    let vote = |vote: &enums::MessageUserVote| match vote.clone() {
        enums::MessageUserVote::MessageUserVote(vote) => types::MessagePeerVote {
            peer: types::PeerUser { user_id: vote.user_id }.into(),
            option: vote.option,
            date: vote.date,
        }
        .into(),
        enums::MessageUserVote::MessageUserVoteInputOption(vote) => types::MessagePeerVoteInputOption {
            peer: types::PeerUser { user_id: vote.user_id }.into(),
            date: vote.date,
        }
        .into(),
        enums::MessageUserVote::MessageUserVoteMultiple(vote) => types::MessagePeerVoteMultiple {
            peer: types::PeerUser { user_id: vote.user_id }.into(),
            options: vote.options,
            date: vote.date,
        }
        .into(),
    };
    votes.iter().map(vote).collect()
}

/// Votes of channels are left out: older layers cannot name them.
pub(crate) fn votes_of_users(votes: &[enums::MessagePeerVote]) -> Vec<enums::MessageUserVote> {
    let vote = |vote: &enums::MessagePeerVote| match vote.clone() {
        enums::MessagePeerVote::MessagePeerVote(vote) => match vote.peer {
            enums::Peer::PeerUser(user) => Some(
                types::MessageUserVote { user_id: user.user_id, option: vote.option, date: vote.date }.into(),
            ),
            _ => None,
        },
        enums::MessagePeerVote::MessagePeerVoteInputOption(vote) => match vote.peer {
            enums::Peer::PeerUser(user) => {
                Some(types::MessageUserVoteInputOption { user_id: user.user_id, date: vote.date }.into())
            }
            _ => None,
        },
        enums::MessagePeerVote::MessagePeerVoteMultiple(vote) => match vote.peer {
            enums::Peer::PeerUser(user) => Some(
                types::MessageUserVoteMultiple {
                    user_id: user.user_id,
                    options: vote.options,
                    date: vote.date,
                }
                .into(),
            ),
            _ => None,
        },
    };
    votes.iter().filter_map(vote).collect()
}

/// The theme of a chat was an emoji.
pub(crate) fn theme(emoticon: &str) -> enums::ChatTheme {
    types::ChatTheme { emoticon: emoticon.to_owned() }.into()
}

/// Themes of collectibles have no emoji: no theme.
pub(crate) fn theme_emoticon(theme: &enums::ChatTheme) -> String {
    match theme {
        enums::ChatTheme::ChatTheme(theme) => theme.emoticon.clone(),
        enums::ChatTheme::ChatThemeUniqueGift(_) => String::new(),
    }
}

pub(crate) fn some_theme(emoticon: &Option<String>) -> Option<enums::ChatTheme> {
    emoticon.as_deref().map(theme)
}

pub(crate) fn some_theme_emoticon(theme: &Option<enums::ChatTheme>) -> Option<String> {
    theme.as_ref().map(theme_emoticon).filter(|emoticon| !emoticon.is_empty())
}

/// An empty emoji took the theme away.
pub(crate) fn input_theme(emoticon: &str) -> enums::InputChatTheme {
    if emoticon.is_empty() {
        enums::InputChatTheme::InputChatThemeEmpty
    } else {
        types::InputChatTheme { emoticon: emoticon.to_owned() }.into()
    }
}

pub(crate) fn input_theme_emoticon(theme: &enums::InputChatTheme) -> String {
    match theme {
        enums::InputChatTheme::InputChatTheme(theme) => theme.emoticon.clone(),
        _ => String::new(),
    }
}

/// `messages.chatInviteJoinResultWebView` carried a whole result for one layer.
pub(crate) fn webview_query_id(webview: &types::WebViewResultUrl) -> i64 {
    webview.query_id.unwrap_or(0)
}

pub(crate) fn webview(query_id: &i64) -> types::WebViewResultUrl {
    types::WebViewResultUrl { query_id: Some(*query_id), ..Default::default() }
}

/// A message in a call was a text and its author for one layer.
pub(crate) fn group_call_message(
    from_id: &enums::Peer,
    message: &types::TextWithEntities,
) -> types::GroupCallMessage {
    types::GroupCallMessage { from_id: from_id.clone(), message: message.clone(), ..Default::default() }
}

pub(crate) fn group_call_message_from(message: &types::GroupCallMessage) -> enums::Peer {
    message.from_id.clone()
}

pub(crate) fn group_call_message_text(message: &types::GroupCallMessage) -> types::TextWithEntities {
    message.message.clone()
}

/// Whom a business bot may talk to gained a list of exceptions.
pub(crate) fn bot_recipients(old: &types::BusinessRecipients) -> types::BusinessBotRecipients {
    types::BusinessBotRecipients {
        existing_chats: old.existing_chats,
        new_chats: old.new_chats,
        contacts: old.contacts,
        non_contacts: old.non_contacts,
        exclude_selected: old.exclude_selected,
        users: old.users.clone(),
        exclude_users: None,
    }
}

pub(crate) fn recipients(new: &types::BusinessBotRecipients) -> types::BusinessRecipients {
    types::BusinessRecipients {
        existing_chats: new.existing_chats,
        new_chats: new.new_chats,
        contacts: new.contacts,
        non_contacts: new.non_contacts,
        exclude_selected: new.exclude_selected,
        users: new.users.clone(),
    }
}

pub(crate) fn input_bot_recipients(
    old: &types::InputBusinessRecipients,
) -> types::InputBusinessBotRecipients {
    types::InputBusinessBotRecipients {
        existing_chats: old.existing_chats,
        new_chats: old.new_chats,
        contacts: old.contacts,
        non_contacts: old.non_contacts,
        exclude_selected: old.exclude_selected,
        users: old.users.clone(),
        exclude_users: None,
    }
}

pub(crate) fn input_recipients(new: &types::InputBusinessBotRecipients) -> types::InputBusinessRecipients {
    types::InputBusinessRecipients {
        existing_chats: new.existing_chats,
        new_chats: new.new_chats,
        contacts: new.contacts,
        non_contacts: new.non_contacts,
        exclude_selected: new.exclude_selected,
        users: new.users.clone(),
    }
}

/// A business bot could reply or not, before its rights were told apart.
pub(crate) fn rights_to_reply(can_reply: &bool) -> types::BusinessBotRights {
    types::BusinessBotRights { reply: *can_reply, ..Default::default() }
}

pub(crate) fn may_reply(rights: &types::BusinessBotRights) -> bool {
    rights.reply
}

pub(crate) fn some_rights_to_reply(can_reply: &bool) -> Option<types::BusinessBotRights> {
    can_reply.then(|| rights_to_reply(can_reply))
}

pub(crate) fn some_may_reply(rights: &Option<types::BusinessBotRights>) -> bool {
    rights.as_ref().is_some_and(may_reply)
}

/// An optional `Bool` that became a bit.
pub(crate) fn is_true(value: &Option<bool>) -> bool {
    *value == Some(true)
}

pub(crate) fn some_if_true(value: &bool) -> Option<bool> {
    value.then_some(true)
}
