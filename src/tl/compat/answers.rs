//! Methods whose type of result changed: what the older shape of the question is answered.

use crate::{enums, types};

pub(crate) fn bot_info_texts(info: &types::bots::BotInfo) -> Option<Vec<String>> {
    Some(vec![info.about.clone(), info.description.clone()])
}

/// Who could not be invited is not said to those who do not ask for it.
pub(crate) fn invited_updates(invited: &types::messages::InvitedUsers) -> Option<enums::Updates> {
    Some(invited.updates.clone())
}

/// A bot that wants to see the newcomer first cannot be shown to older clients.
pub(crate) fn joined_updates(joined: &enums::messages::ChatInviteJoinResult) -> Option<enums::Updates> {
    match joined {
        enums::messages::ChatInviteJoinResult::ChatInviteJoinResultOk(joined) => Some(joined.updates.clone()),
        enums::messages::ChatInviteJoinResult::ChatInviteJoinResultWebView(_) => None,
    }
}

pub(crate) fn app_config_json(config: &enums::help::AppConfig) -> Option<enums::JSONValue> {
    match config {
        enums::help::AppConfig::AppConfig(config) => Some(config.config.clone()),
        enums::help::AppConfig::AppConfigNotModified => None,
    }
}

pub(crate) fn filters(filters: &types::messages::DialogFilters) -> Option<Vec<enums::DialogFilter>> {
    Some(filters.filters.clone())
}

pub(crate) fn participants(participants: &[types::ReadParticipantDate]) -> Option<Vec<i64>> {
    Some(participants.iter().map(|p| p.user_id).collect())
}

pub(crate) fn web_page(page: &types::messages::WebPage) -> Option<enums::WebPage> {
    Some(page.webpage.clone())
}

pub(crate) fn preview_media(preview: &types::messages::WebPagePreview) -> Option<enums::MessageMedia> {
    Some(preview.media.clone())
}

/// Older clients report in one step: what asks back counts as done.
pub(crate) fn was_reported(_: &enums::ReportResult) -> Option<bool> {
    Some(true)
}

pub(crate) fn app_url(result: &types::WebViewResultUrl) -> Option<types::AppWebViewResultUrl> {
    Some(types::AppWebViewResultUrl { url: result.url.clone() })
}

pub(crate) fn simple_url(result: &types::WebViewResultUrl) -> Option<types::SimpleWebViewResultUrl> {
    Some(types::SimpleWebViewResultUrl { url: result.url.clone() })
}

/// A conference is no call between two.
pub(crate) fn no_phone_call(_: &enums::Updates) -> Option<types::phone::PhoneCall> {
    None
}

pub(crate) fn was_sent(_: &enums::Updates) -> Option<bool> {
    Some(true)
}

/// Forwards of stories and of messages cannot be told as messages alone.
pub(crate) fn no_messages(_: &types::stats::PublicForwards) -> Option<enums::messages::Messages> {
    None
}

pub(crate) fn may_send(count: &types::stories::CanSendStoryCount) -> Option<bool> {
    Some(count.count_remains > 0)
}

pub(crate) fn story_ids(stories: &[types::RecentStory]) -> Option<Vec<i32>> {
    Some(stories.iter().map(|story| story.max_id.unwrap_or(0)).collect())
}
