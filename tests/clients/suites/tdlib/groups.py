"""Groups, supergroups and channels in TDLib."""

from ..harness.scenario import expect, refused, same
from .world import TdError, World, scenario


@scenario("a basic group: made, written in, renamed, left", pfs=True)
async def basic_group(world: World):
    ann, bob, cyd = await world.people("Ann", "Bob", "Cyd")
    await ann.knows(bob)
    await ann.knows(cyd)
    made = await ann("createNewBasicGroupChat", user_ids=[bob.id, cyd.id], title="Three")
    chat = made["chat_id"]
    await ann.say(chat, "hi all")
    for member in (bob, cyd):
        heard = await member.heard("hi all")
        same(heard["sender_id"]["user_id"], ann.id, "who says it")
    await bob.say((await bob.heard("hi all"))["chat_id"], "hi Ann")
    await ann.heard("hi Ann")
    await ann("setChatTitle", chat_id=chat, title="Still three")
    await bob.saw("updateChatTitle", lambda u: u["title"] == "Still three")
    group = (await ann("getChat", chat_id=chat))["type"]["basic_group_id"]
    full = await ann("getBasicGroupFullInfo", basic_group_id=group)
    same({m["member_id"]["user_id"] for m in full["members"]}, {ann.id, bob.id, cyd.id}, "members")
    await cyd("leaveChat", chat_id=(await cyd.heard("hi all"))["chat_id"])
    await ann.saw(
        "updateNewMessage",
        lambda u: u["message"]["content"]["@type"] == "messageChatDeleteMember"
        and u["message"]["content"]["user_id"] == cyd.id,
    )


@scenario("a supergroup: members are added, write, edit, delete and search", pfs=True)
async def supergroup(world: World):
    ann, bob = await world.people("Ann", "Bob")
    await ann.knows(bob)
    made = await ann("createNewSupergroupChat", title="Super", is_channel=False, description="about it")
    chat = made["id"]
    await ann("addChatMember", chat_id=chat, user_id=bob.id, forward_limit=0)
    sent = await ann.say(chat, "first post")
    heard = await bob.heard("first post")
    same((heard["chat_id"], heard["id"]), (chat, sent["id"]), "one id for all")
    await bob.say(chat, "a reply")
    await ann.heard("a reply")
    text = {"@type": "inputMessageText", "text": {"@type": "formattedText", "text": "first post, edited"}}
    await ann("editMessageText", chat_id=chat, message_id=sent["id"], input_message_content=text)
    await bob.saw("updateMessageContent", lambda u: u["message_id"] == sent["id"])
    found = await bob("searchChatMessages", chat_id=chat, query="REPLY", from_message_id=0, offset=0, limit=20)
    same([m["content"]["text"]["text"] for m in found["messages"]], ["a reply"], "found")
    await ann("deleteMessages", chat_id=chat, message_ids=[sent["id"]], revoke=True)
    await bob.saw("updateDeleteMessages", lambda u: u["is_permanent"] and sent["id"] in u["message_ids"])
    full = await bob("getSupergroupFullInfo", supergroup_id=made["type"]["supergroup_id"])
    same((full["member_count"], full["description"]), (2, "about it"), "full info")


@scenario("a channel: the founder posts, subscribers read and may not post, an admin may")
async def channel(world: World):
    ann, bob = await world.people("Ann", "Bob")
    await ann.knows(bob)
    made = await ann("createNewSupergroupChat", title="News", is_channel=True, description="daily")
    chat = made["id"]
    await ann("addChatMember", chat_id=chat, user_id=bob.id, forward_limit=0)
    await ann.say(chat, "headline")
    heard = await bob.heard("headline")
    expect(heard["is_channel_post"], "a post of the channel")
    await refused(bob.say(chat, "me too"), TdError)
    rights = {"@type": "chatAdministratorRights", "can_post_messages": True, "can_edit_messages": True}
    await ann(
        "setChatMemberStatus",
        chat_id=chat,
        member_id={"@type": "messageSenderUser", "user_id": bob.id},
        status={"@type": "chatMemberStatusAdministrator", "rights": rights},
    )
    await bob.saw(
        "updateSupergroup", lambda u: u["supergroup"]["status"]["@type"] == "chatMemberStatusAdministrator"
    )
    await bob.say(chat, "by an admin")
    await ann.heard("by an admin")


@scenario("a public channel is found, joined and left; a private one is joined by its link", pfs=True)
async def joins(world: World):
    ann, bob = await world.people("Ann", "Bob")
    made = await ann("createNewSupergroupChat", title="Public", is_channel=True, description="")
    name = f"td_news_{ann.phone[-5:]}_{abs(made['id']) % 10_000}"
    await ann("setSupergroupUsername", supergroup_id=made["type"]["supergroup_id"], username=name)
    await ann.say(made["id"], "for everyone")
    found = await bob("searchPublicChat", username=name)
    same(found["title"], "Public", "found")
    await bob("joinChat", chat_id=found["id"])
    await ann.say(made["id"], "for subscribers")
    await bob.heard("for subscribers")
    await bob("leaveChat", chat_id=found["id"])
    hidden = await ann("createNewSupergroupChat", title="Hidden", is_channel=False, description="")
    link = (await ann("replacePrimaryChatInviteLink", chat_id=hidden["id"]))["invite_link"]
    seen = await bob("checkChatInviteLink", invite_link=link)
    same(seen["title"], "Hidden", "what the link leads to")
    await bob("joinChatByInviteLink", invite_link=link)
    await bob.say(hidden["id"], "I am in")
    await ann.heard("I am in")
