//! What we do not answer yet: the well-formed nothing that clients expect at start-up, one line each.
//!
//! A plain error here starts a retry storm in some client, and so does a list whose hash is not the one that the client
//! computes from it. An empty catalogue has the hash 0 in every client's formula, so each of these lists is empty and says 0.

use model::ids::Peer;
use model::{Refusal, channels, dialogs, updates};
use tl::{enums, types};

use crate::method::{Account, Cx, Depth, Guest, Mode, Role, Row, Rpc, run};

macro_rules! empties {
    ($($role:ident: $group:ident::$method:ident($cx:pat, $req:pat) => $reply:expr;)*) => {
        /// The methods of this file.
        pub(crate) const METHODS: &[Row] = &[$(
            Row {
                name: <tl::functions::$group::$method as tl::Method>::NAME,
                ids: <tl::functions::$group::$method as tl::Method>::IDS,
                mode: Mode::Reads,
                depth: Depth::Empty,
                quick: true,
                run: |cx, reader, writer| {
                    run::<tl::functions::$group::$method, $role>(cx, reader, writer, |$cx, _, $req| Ok($reply))
                },
            },
        )*];

        /// A blank call of each method, in a layer; `None` if the layer does not know it.
        #[cfg(test)]
        const BLANK: &[(&str, fn(tl::Layer) -> Option<Vec<u8>>)] = &[$((
            <tl::functions::$group::$method as tl::Method>::NAME,
            |layer| {
                let mut writer = tl::Writer::new(layer);
                tl::Encode::encode(&tl::functions::$group::$method::default(), &mut writer);
                (!writer.unspeakable).then_some(writer.out)
            },
        )),*];
    };
}

/// The empty value of a type.
fn none<T: Default>() -> T {
    T::default()
}

/// A list of the given constructor with nothing in it, as its type.
fn empty<C: Default + Into<T>, T>() -> T {
    C::default().into()
}

empties! {
    // The application.
    Guest: help::GetTimezonesList(_, _) => empty::<types::help::TimezonesList, _>();
    Guest: help::GetPeerColors(_, _) => empty::<types::help::PeerColors, _>();
    Guest: help::GetPeerProfileColors(_, _) => empty::<types::help::PeerColors, _>();
    Guest: help::GetCountriesList(_, _) => empty::<types::help::CountriesList, _>();
    Guest: help::GetAppUpdate(_, _) => enums::help::AppUpdate::NoAppUpdate;
    Guest: help::GetDeepLinkInfo(_, _) => enums::help::DeepLinkInfo::DeepLinkInfoEmpty;
    Guest: help::GetAppChangelog(cx, _) => no_updates(cx);
    Guest: help::SaveAppLog(_, _) => true;
    Account: help::GetPromoData(cx, _) => types::help::PromoDataEmpty { expires: tomorrow(cx) }.into();
    Account: help::HidePromoData(_, _) => true;
    Account: help::GetPremiumPromo(_, _) => none();
    Account: help::DismissSuggestion(_, _) => true;
    Account: help::GetPassportConfig(_, _) => enums::help::PassportConfig::PassportConfigNotModified;
    Account: help::GetRecentMeUrls(_, _) => none();
    Account: help::GetUserInfo(_, _) => enums::help::UserInfo::UserInfoEmpty;

    // Signing in by a code on another screen: shown, and accepted by nobody.
    Guest: auth::ExportLoginToken(cx, _) => types::auth::LoginToken {
        expires: cx.date().saturating_add(LOGIN_TOKEN_SECS),
        token: env::bytes::<32>(cx.model.dice).to_vec(),
    }
    .into();

    // Reactions and effects.
    Account: messages::GetAvailableReactions(_, _) => empty::<types::messages::AvailableReactions, _>();
    Account: messages::GetTopReactions(_, _) => empty::<types::messages::Reactions, _>();
    Account: messages::GetRecentReactions(_, _) => empty::<types::messages::Reactions, _>();
    Account: messages::ClearRecentReactions(_, _) => true;
    Account: messages::GetDefaultTagReactions(_, _) => empty::<types::messages::Reactions, _>();
    Account: messages::GetSavedReactionTags(_, _) => empty::<types::messages::SavedReactionTags, _>();
    Account: messages::GetAvailableEffects(_, _) => empty::<types::messages::AvailableEffects, _>();
    Account: messages::GetMessagesReactions(cx, _) => no_updates(cx);
    Account: messages::GetMessageReactionsList(_, _) => none();
    Account: messages::GetUnreadReactions(_, _) => no_messages();
    Account: messages::ReadReactions(cx, req) => unaffected(cx, &req.peer)?;
    Account: messages::GetPaidReactionPrivacy(cx, _) => no_updates(cx);

    // Stickers, emoji, animations.
    Account: messages::GetAllStickers(_, _) => empty::<types::messages::AllStickers, _>();
    Account: messages::GetMaskStickers(_, _) => empty::<types::messages::AllStickers, _>();
    Account: messages::GetEmojiStickers(_, _) => empty::<types::messages::AllStickers, _>();
    Account: messages::GetFavedStickers(_, _) => empty::<types::messages::FavedStickers, _>();
    Account: messages::GetRecentStickers(_, _) => empty::<types::messages::RecentStickers, _>();
    Account: messages::ClearRecentStickers(_, _) => true;
    Account: messages::GetFeaturedStickers(_, _) => empty::<types::messages::FeaturedStickers, _>();
    Account: messages::GetFeaturedEmojiStickers(_, _) => empty::<types::messages::FeaturedStickers, _>();
    Account: messages::GetOldFeaturedStickers(_, _) => empty::<types::messages::FeaturedStickers, _>();
    Account: messages::ReadFeaturedStickers(_, _) => true;
    Account: messages::GetArchivedStickers(_, _) => none();
    Account: messages::GetMyStickers(_, _) => none();
    Account: messages::GetStickers(_, _) => empty::<types::messages::Stickers, _>();
    Account: messages::GetStickerSet(_, _) => refused(Refusal::StickersetInvalid)?;
    Account: messages::SearchStickerSets(_, _) => empty::<types::messages::FoundStickerSets, _>();
    Account: messages::SearchEmojiStickerSets(_, _) => empty::<types::messages::FoundStickerSets, _>();
    Account: messages::SearchStickers(_, _) => empty::<types::messages::FoundStickers, _>();
    Account: messages::SearchCustomEmoji(_, _) => empty::<types::EmojiList, _>();
    Account: messages::GetCustomEmojiDocuments(_, _) => Vec::new();
    Account: messages::GetSavedGifs(_, _) => empty::<types::messages::SavedGifs, _>();
    Account: messages::GetEmojiGroups(_, _) => empty::<types::messages::EmojiGroups, _>();
    Account: messages::GetEmojiStatusGroups(_, _) => empty::<types::messages::EmojiGroups, _>();
    Account: messages::GetEmojiProfilePhotoGroups(_, _) => empty::<types::messages::EmojiGroups, _>();
    Account: messages::GetEmojiStickerGroups(_, _) => empty::<types::messages::EmojiGroups, _>();
    Account: messages::GetEmojiKeywordsLanguages(_, _) => Vec::new();
    Account: messages::GetEmojiKeywords(_, req) => no_keywords(req.lang_code, 0);
    Account: messages::GetEmojiKeywordsDifference(_, req) => no_keywords(req.lang_code, req.from_version);
    Account: account::GetDefaultEmojiStatuses(_, _) => empty::<types::account::EmojiStatuses, _>();
    Account: account::GetRecentEmojiStatuses(_, _) => empty::<types::account::EmojiStatuses, _>();
    Account: account::GetCollectibleEmojiStatuses(_, _) => empty::<types::account::EmojiStatuses, _>();
    Account: account::GetChannelDefaultEmojiStatuses(_, _) => empty::<types::account::EmojiStatuses, _>();
    Account: account::GetChannelRestrictedStatusEmojis(_, _) => empty::<types::EmojiList, _>();
    Account: account::GetDefaultBackgroundEmojis(_, _) => empty::<types::EmojiList, _>();
    Account: account::GetDefaultGroupPhotoEmojis(_, _) => empty::<types::EmojiList, _>();
    Account: account::GetDefaultProfilePhotoEmojis(_, _) => empty::<types::EmojiList, _>();

    // Looks and sounds.
    Account: account::GetThemes(_, _) => empty::<types::account::Themes, _>();
    Account: account::GetChatThemes(_, _) => empty::<types::account::Themes, _>();
    Account: account::GetUniqueGiftChatThemes(_, _) => empty::<types::account::ChatThemes, _>();
    Account: account::GetWallPapers(_, _) => empty::<types::account::WallPapers, _>();
    Account: account::GetMultiWallPapers(_, _) => Vec::new();
    Account: account::GetSavedRingtones(_, _) => empty::<types::account::SavedRingtones, _>();
    Account: account::GetSavedMusicIds(_, _) => empty::<types::account::SavedMusicIds, _>();
    Account: users::GetSavedMusic(_, _) => empty::<types::users::SavedMusic, _>();

    // Business, bots, mini apps, passkeys.
    Account: account::GetConnectedBots(_, _) => none();
    Account: account::GetWebAuthorizations(_, _) => none();
    Account: account::GetBusinessChatLinks(_, _) => none();
    Account: account::GetWebBrowserSettings(_, _) => empty::<types::account::WebBrowserSettings, _>();
    Account: account::GetPasskeys(_, _) => none();
    Account: account::GetAllSecureValues(_, _) => Vec::new();
    Account: account::InitTakeoutSession(cx, _) => types::account::Takeout { id: cx.model.dice.u64().cast_signed() };
    Account: account::FinishTakeoutSession(_, _) => true;
    Account: account::GetAutoDownloadSettings(_, _) => auto_download();
    Account: account::GetAutoSaveSettings(_, _) => none();
    Account: messages::GetAttachMenuBots(_, _) => empty::<types::AttachMenuBots, _>();
    Account: messages::GetQuickReplies(_, _) => empty::<types::messages::QuickReplies, _>();
    Account: bots::GetBotMenuButton(_, _) => enums::BotMenuButton::BotMenuButtonDefault;
    Account: bots::GetBotCommands(_, _) => Vec::new();
    Account: bots::GetPopularAppBots(_, _) => none();
    Account: bots::GetAdminedBots(_, _) => Vec::new();
    Account: aicompose::GetTones(_, _) => empty::<types::aicompose::Tones, _>();
    Account: communities::GetJoinedCommunities(_, _) => empty::<types::messages::Chats, _>();

    // Conversations.
    Account: messages::GetDialogFilters(_, _) => types::messages::DialogFilters {
        filters: vec![enums::DialogFilter::DialogFilterDefault],
        ..none()
    };
    Account: messages::GetSuggestedDialogFilters(_, _) => Vec::new();
    Account: messages::GetSponsoredMessages(_, _) => enums::messages::SponsoredMessages::SponsoredMessagesEmpty;
    // In full: layers 146 and 147 know no other way to say none.
    Account: channels::GetSponsoredMessages(_, _) => types::messages::SponsoredMessages::default().into();
    Account: messages::GetScheduledHistory(_, _) => no_messages();
    Account: messages::GetScheduledMessages(_, _) => no_messages();
    Account: messages::GetRecentLocations(_, _) => no_messages();
    Account: messages::GetUnreadPollVotes(_, _) => no_messages();
    Account: messages::ReadPollVotes(cx, req) => unaffected(cx, &req.peer)?;
    Account: messages::GetPollResults(cx, _) => no_updates(cx);
    Account: messages::GetExtendedMedia(cx, _) => no_updates(cx);
    Account: messages::GetFactCheck(_, _) => Vec::new();
    Account: messages::GetMessageReadParticipants(_, _) => Vec::new();
    Account: messages::GetOutboxReadDate(cx, req) => no_read_date(cx, &req)?;
    Account: messages::GetDefaultHistoryTTL(_, _) => none();
    Account: messages::GetSplitRanges(_, _) => Vec::new();
    Account: messages::GetOnlines(_, _) => types::ChatOnlines { onlines: 1 };
    Account: messages::GetWebPagePreview(_, _) => types::messages::WebPagePreview {
        media: enums::MessageMedia::MessageMediaEmpty,
        ..none()
    };
    Account: messages::GetWebPage(_, req) => types::messages::WebPage {
        webpage: types::WebPageEmpty { id: 0, url: Some(req.url) }.into(),
        ..none()
    };
    Account: messages::HidePeerSettingsBar(_, _) => true;
    Account: messages::ReportSpam(_, _) => true;
    Account: messages::ReportMessagesDelivery(_, _) => true;
    Account: messages::ReceivedQueue(_, _) => Vec::new();
    Account: channels::GetChannelRecommendations(_, _) => empty::<types::messages::Chats, _>();
    Account: channels::GetGroupsForDiscussion(_, _) => empty::<types::messages::Chats, _>();
    Account: channels::GetLeftChannels(_, _) => empty::<types::messages::Chats, _>();
    Account: channels::GetInactiveChannels(_, _) => none();
    Account: chatlists::GetChatlistUpdates(_, _) => none();
    Account: phone::GetCallConfig(_, _) => types::DataJSON { data: "{}".to_owned() };
    Account: phone::GetGroupCallJoinAs(_, _) => none();

    // People.
    Account: contacts::GetTopPeers(_, _) => empty::<types::contacts::TopPeers, _>();
    Account: contacts::ToggleTopPeers(_, _) => true;
    Account: contacts::ResetTopPeerRating(_, _) => true;
    Account: contacts::GetBirthdays(_, _) => none();
    Account: contacts::GetSaved(_, _) => Vec::new();
    Account: contacts::ResetSaved(_, _) => true;
    Account: contacts::GetSponsoredPeers(_, _) => enums::contacts::SponsoredPeers::SponsoredPeersEmpty;
    Account: contacts::GetLocated(cx, _) => no_updates(cx);
    Account: users::GetIsPremiumRequiredToContact(_, req) => vec![false; req.id.len().min(crate::limits::IDS_MAX)];
    Account: users::GetRequirementsToContact(_, req) => vec![
        enums::RequirementToContact::RequirementToContactEmpty;
        req.id.len().min(crate::limits::IDS_MAX)
    ];

    // Stories. `NotModified` for their list would be asked again for ever: the list is given in full, under one state.
    Account: stories::GetAllStories(_, _) => types::stories::AllStories { state: "0".to_owned(), ..none() }.into();
    Account: stories::GetStoriesArchive(_, _) => none();
    Account: stories::GetPinnedStories(_, _) => none();
    Account: stories::GetStoriesByID(_, _) => none();
    Account: stories::GetAlbums(_, _) => empty::<types::stories::Albums, _>();
    Account: stories::GetAllReadPeerStories(cx, _) => no_updates(cx);
    Account: stories::GetPeerMaxIDs(_, req) => vec![types::RecentStory::default(); req.id.len().min(crate::limits::IDS_MAX)];
    Account: stories::GetPeerStories(cx, req) => no_stories(cx, &req.peer)?;
    Account: stories::GetChatsToSend(_, _) => empty::<types::messages::Chats, _>();
    Account: stories::ReadStories(_, _) => Vec::new();

    // Money.
    Account: payments::GetStarsStatus(_, _) => no_stars();
    Account: payments::GetStarsTransactions(_, _) => no_stars();
    Account: payments::GetStarsSubscriptions(_, _) => no_stars();
    Account: payments::GetStarsTopupOptions(_, _) => Vec::new();
    Account: payments::GetStarsGiftOptions(_, _) => Vec::new();
    Account: payments::GetStarGifts(_, _) => empty::<types::payments::StarGifts, _>();
    Account: payments::GetSavedStarGifts(_, _) => none();
    Account: payments::GetStarGiftActiveAuctions(_, _) => empty::<types::payments::StarGiftActiveAuctions, _>();
    Account: payments::GetStarGiftCollections(_, _) => empty::<types::payments::StarGiftCollections, _>();
    Account: payments::GetPremiumGiftCodeOptions(_, _) => Vec::new();
    Account: payments::GetSavedInfo(_, _) => none();
    Account: payments::GetCurrencyRates(_, _) => none();
    Account: payments::GetOnrampProviders(_, _) => Vec::new();
    Account: wallet::GetState(_, _) => empty::<types::WalletStateEmpty, _>();
    Account: premium::GetMyBoosts(_, _) => none();
}

/// Seconds for which a code on the screen is shown before the client asks for another.
const LOGIN_TOKEN_SECS: i32 = 30;

fn refused<T>(refusal: Refusal) -> Rpc<T> {
    Err(refusal.into())
}

fn tomorrow(cx: &Cx<'_, '_>) -> i32 {
    cx.date().saturating_add(24 * 3600)
}

fn no_updates(cx: &Cx<'_, '_>) -> enums::Updates {
    types::Updates { date: cx.date(), ..none() }.into()
}

fn no_messages() -> enums::messages::Messages {
    types::messages::Messages::default().into()
}

fn no_stars() -> types::payments::StarsStatus {
    types::payments::StarsStatus { balance: types::StarsAmount::default().into(), ..none() }
}

fn no_keywords(lang_code: String, from_version: i32) -> types::EmojiKeywordsDifference {
    types::EmojiKeywordsDifference { lang_code, from_version, version: from_version.max(1), ..none() }
}

/// The counters of a conversation in which nothing was there to be marked.
fn unaffected(cx: &Cx<'_, '_>, peer: &enums::InputPeer) -> Rpc<types::messages::AffectedHistory> {
    let me = Account::admit(cx)?;
    let pts = match cx.peer(me, peer)? {
        Peer::Channel(channel) => channels::head(cx.model.tx, channel)?.pts,
        Peer::User(_) | Peer::Chat(_) => updates::head(cx.model.tx, me.0)?.pts,
    };
    Ok(types::messages::AffectedHistory { pts, pts_count: 0, offset: 0 })
}

/// When a message was read is not kept, only whether: what was read is too old to tell.
fn no_read_date(
    cx: &Cx<'_, '_>,
    req: &tl::functions::messages::GetOutboxReadDate,
) -> Rpc<types::OutboxReadDate> {
    let me = Account::admit(cx)?;
    let peer = cx.peer(me, &req.peer)?;
    let read = dialogs::find(cx.model.tx, me.0, peer)?.is_some_and(|d| req.msg_id <= d.read_outbox_max);
    refused(if read { Refusal::MessageTooOld } else { Refusal::MessageNotReadYet })
}

fn no_stories(cx: &Cx<'_, '_>, peer: &enums::InputPeer) -> Rpc<types::stories::PeerStories> {
    let me = Account::admit(cx)?;
    let peer = cx.peer(me, peer)?;
    let mut view = cx.view(me);
    view.name(peer);
    let (users, chats) = view.people()?;
    let stories = types::PeerStories { peer: peer.into(), ..none() };
    Ok(types::stories::PeerStories { stories, chats, users })
}

/// What clients without a say of their own fetch unasked, for each kind of connection.
fn auto_download() -> types::account::AutoDownloadSettings {
    let upto = |photo: i32, file: i64| types::AutoDownloadSettings {
        photo_size_max: photo,
        video_size_max: file,
        file_size_max: file,
        ..none()
    };
    types::account::AutoDownloadSettings {
        low: upto(1 << 20, 0),
        medium: upto(1 << 20, 10 << 20),
        high: upto(1 << 20, 15 << 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn every_layer_can_be_told_that_there_is_nothing() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let said = ["PEER_ID_INVALID", "STICKERSET_INVALID"];
        for layer in [146, 158, 166, 181, 200, 214, 222, 228, 232] {
            for (name, blank) in BLANK {
                let Some(query) = blank(tl::Layer(layer)) else { continue };
                if let Err(error) = world.call_raw(&ann, layer, query) {
                    assert!(said.contains(&error.as_str()), "{name} in layer {layer}: {error}");
                }
            }
        }
    }
}
