//! Stories belonged to users before they belonged to peers.

use super::{peer_as_user, user_as_peer};
use crate::{enums, types};

/// The newest story of somebody was its number.
pub(crate) fn recent_story(max_id: &Option<i32>) -> Option<types::RecentStory> {
    max_id.map(|id| types::RecentStory { live: false, max_id: Some(id) })
}

pub(crate) fn recent_story_id(story: &Option<types::RecentStory>) -> Option<i32> {
    story.as_ref().and_then(|story| story.max_id)
}

fn of_peer(stories: &types::UserStories) -> types::PeerStories {
    types::PeerStories {
        peer: user_as_peer(&stories.user_id),
        max_read_id: stories.max_read_id,
        stories: stories.stories.clone(),
    }
}

/// Only the stories of users can be said.
fn of_user(stories: &types::PeerStories) -> Option<types::UserStories> {
    matches!(stories.peer, enums::Peer::PeerUser(_)).then(|| types::UserStories {
        user_id: peer_as_user(&stories.peer),
        max_read_id: stories.max_read_id,
        stories: stories.stories.clone(),
    })
}

pub(crate) fn stories_of_peers(stories: &[types::UserStories]) -> Vec<types::PeerStories> {
    stories.iter().map(of_peer).collect()
}

pub(crate) fn stories_of_users(stories: &[types::PeerStories]) -> Vec<types::UserStories> {
    stories.iter().filter_map(of_user).collect()
}

pub(crate) fn some_stories_of_peer(stories: &Option<types::UserStories>) -> Option<types::PeerStories> {
    stories.as_ref().map(of_peer)
}

pub(crate) fn some_stories_of_user(stories: &Option<types::PeerStories>) -> Option<types::UserStories> {
    stories.as_ref().and_then(of_user)
}
