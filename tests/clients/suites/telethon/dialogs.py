"""The list of chats: order, paging, pins, drafts, unread marks, notify settings."""

from telethon.tl import functions, types

from ..harness.scenario import expect, same
from .world import World, scenario


async def dialogs(device, limit=100, offset_date=None, offset_id=0, offset_peer=None, **more):
    """messages.getDialogs."""
    return await device(
        functions.messages.GetDialogsRequest(
            offset_date, offset_id, offset_peer or types.InputPeerEmpty(), limit, 0, **more
        )
    )


@scenario("dialogs come newest first, with their top message, users and unread counts")
async def newest_first(world: World):
    ann, *others = await world.friends("Ann", "Bob", "Cyd", "Dan")
    for other in others:
        await other.say(ann, f"I am {other.me.first_name}")
    await others[0].say(ann, "me again")
    await ann.heard("me again")
    answer = await dialogs(ann)
    wanted = [others[0].id, others[2].id, others[1].id]
    found = [d.peer.user_id for d in answer.dialogs if d.peer.user_id in wanted]
    same(found, wanted, "order")
    unread = {d.peer.user_id: d.unread_count for d in answer.dialogs}
    same([unread[i] for i in wanted], [2, 1, 1], "unread")
    tops = {m.id: m for m in answer.messages}
    for dialog in answer.dialogs:
        same(tops[dialog.top_message].peer_id.user_id, dialog.peer.user_id, "the top message belongs to the peer")
    known = {u.id for u in answer.users}
    expect(set(wanted) <= known, "every peer is among the users")
    expect(all(u.access_hash for u in answer.users), "every user has an access hash")


@scenario("dialogs are paged by date, id and peer without loss or double")
async def pages(world: World):
    ann, *others = await world.friends("Ann", "B1", "B2", "B3", "B4", "B5", "B6", "B7")
    for other in others:
        await other.say(ann, "hi")
        await ann.heard("hi")
    seen, offset = [], {}
    while True:
        answer = await dialogs(ann, limit=2, **offset)
        if not answer.dialogs:
            break
        seen += [d.peer.user_id for d in answer.dialogs]
        if not isinstance(answer, types.messages.DialogsSlice):
            break
        expect(answer.count >= len(others), "the count of all")
        last = answer.dialogs[-1]
        top = next(m for m in answer.messages if m.id == last.top_message)
        user = next(u for u in answer.users if u.id == last.peer.user_id)
        offset = dict(
            offset_date=top.date, offset_id=top.id, offset_peer=types.InputPeerUser(user.id, user.access_hash)
        )
    same(len(seen), len(set(seen)), f"no double in {seen}")
    same([i for i in seen if i != 777000], [o.id for o in reversed(others)], "all of them in order")
    names = [d.entity.id async for d in ann.client.iter_dialogs() if d.entity.id != 777000]
    same(names, [o.id for o in reversed(others)], "the library's own iterator")


@scenario("pinned dialogs stand first, keep their order, can be reordered and unpinned")
async def pinned(world: World):
    ann, bob, cyd, dan = await world.friends("Ann", "Bob", "Cyd", "Dan")
    for other in (bob, cyd, dan):
        await ann.say(other, "hello")

    async def as_dialog(other):
        return types.InputDialogPeer(await ann.knows(other))

    for other in (bob, cyd):
        expect(
            await ann(functions.messages.ToggleDialogPinRequest(await as_dialog(other), pinned=True)), "pin"
        )
    answer = await ann(functions.messages.GetPinnedDialogsRequest(0))
    same([d.peer.user_id for d in answer.dialogs], [cyd.id, bob.id], "the newest pin first")
    expect(all(d.pinned for d in answer.dialogs), "pinned")
    order = [await as_dialog(bob), await as_dialog(cyd)]
    await ann(functions.messages.ReorderPinnedDialogsRequest(0, order, force=True))
    found = [d.peer.user_id for d in (await dialogs(ann)).dialogs if d.peer.user_id != 777000]
    same(found, [bob.id, cyd.id, dan.id], "pinned ones first")
    rest = await dialogs(ann, exclude_pinned=True)
    same([d.peer.user_id for d in rest.dialogs if d.peer.user_id != 777000], [dan.id], "without the pinned")
    await ann(functions.messages.ToggleDialogPinRequest(await as_dialog(bob), pinned=False))
    answer = await ann(functions.messages.GetPinnedDialogsRequest(0))
    same([d.peer.user_id for d in answer.dialogs], [cyd.id], "one pin left")


@scenario("a draft is kept with its reply and entities, listed, shown in the dialog, and gone when sent")
async def drafts(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await bob.say(ann, "well?")
    heard = await ann.heard("well?")
    peer = await ann.knows(bob)
    await ann(
        functions.messages.SaveDraftRequest(
            peer,
            "I was going to say",
            reply_to=types.InputReplyToMessage(heard.id),
            entities=[types.MessageEntityBold(0, 1)],
        )
    )
    listed = await ann(functions.messages.GetAllDraftsRequest())
    drafts_ = [u for u in listed.updates if isinstance(u, types.UpdateDraftMessage)]
    same([(d.peer.user_id, d.draft.message) for d in drafts_], [(bob.id, "I was going to say")], "all drafts")
    dialog = (await ann(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(peer)]))).dialogs[0]
    same(dialog.draft.message, "I was going to say", "the draft in the dialog")
    same(dialog.draft.reply_to.reply_to_msg_id, heard.id, "what it replies to")
    await ann(functions.messages.SendMessageRequest(peer, "I was going to say: yes", clear_draft=True))
    dialog = (await ann(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(peer)]))).dialogs[0]
    expect(dialog.draft is None or isinstance(dialog.draft, types.DraftMessageEmpty), "no draft left")


@scenario("an unread mark is set, listed and taken away")
async def unread_marks(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await ann.say(bob, "hi")
    peer = types.InputDialogPeer(await ann.knows(bob))
    expect(await ann(functions.messages.MarkDialogUnreadRequest(peer, unread=True)), "mark")
    marks = await ann(functions.messages.GetDialogUnreadMarksRequest())
    same([m.peer.user_id for m in marks], [bob.id], "marks")
    expect((await ann(functions.messages.GetPeerDialogsRequest([peer]))).dialogs[0].unread_mark, "in the dialog")
    await ann(functions.messages.MarkDialogUnreadRequest(peer, unread=False))
    same(await ann(functions.messages.GetDialogUnreadMarksRequest()), [], "no marks")


@scenario("notify settings are kept per chat and per kind of chat, and told to the other device")
async def notify_settings(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(ann)
    await ann.say(bob, "hi")
    peer = types.InputNotifyPeer(await ann.knows(bob))
    quiet = types.InputPeerNotifySettings(show_previews=False, mute_until=2_000_000_000)
    expect(await ann(functions.account.UpdateNotifySettingsRequest(peer, quiet)), "set")
    kept = await ann(functions.account.GetNotifySettingsRequest(peer))
    same((kept.show_previews, int(kept.mute_until.timestamp())), (False, 2_000_000_000), "kept")
    await tablet.saw(types.UpdateNotifySettings)
    dialog = (
        await ann(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(await ann.knows(bob))]))
    ).dialogs[0]
    same(int(dialog.notify_settings.mute_until.timestamp()), 2_000_000_000, "in the dialog")
    for scope in (types.InputNotifyUsers(), types.InputNotifyChats(), types.InputNotifyBroadcasts()):
        await ann(functions.account.UpdateNotifySettingsRequest(scope, types.InputPeerNotifySettings(silent=True)))
        same((await ann(functions.account.GetNotifySettingsRequest(scope))).silent, True, f"{scope}")


@scenario("getPeerDialogs gives chats with their state, also with somebody one never wrote to")
async def peer_dialogs(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    sent = await ann.say(bob, "hi")
    answer = await ann(
        functions.messages.GetPeerDialogsRequest(
            [types.InputDialogPeer(await ann.knows(bob)), types.InputDialogPeer(await ann.knows(cyd))]
        )
    )
    found = {d.peer.user_id: d.top_message for d in answer.dialogs}
    same(found.get(bob.id), sent.id, "the top message")
    same(found.get(cyd.id, 0), 0, "no message with Cyd")
    same(answer.state.pts, await ann.pts(), "the state")
