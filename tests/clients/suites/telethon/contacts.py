"""Contacts: import, add, delete, search; full users."""

from telethon import errors
from telethon.tl import functions, types

from ..harness.scenario import expect, refused, same
from .world import World, scenario


@scenario("numbers are imported: who is here becomes a contact under the name one gave, who is not is left out")
async def imports(world: World):
    ann, bob = await world.people("Ann", "Bob")
    answer = await ann(
        functions.contacts.ImportContactsRequest(
            [
                types.InputPhoneContact(11, "+" + bob.phone, "Bobby", "Brown"),
                types.InputPhoneContact(12, "+9996699999", "No", "Body"),
            ]
        )
    )
    same([(i.client_id, i.user_id) for i in answer.imported], [(11, bob.id)], "imported")
    user = next(u for u in answer.users if u.id == bob.id)
    same((user.first_name, user.last_name, user.contact), ("Bobby", "Brown", True), "the name of one's own choice")
    listed = await ann(functions.contacts.GetContactsRequest(0))
    same([c.user_id for c in listed.contacts], [bob.id], "the list")
    theirs = await bob(functions.contacts.GetContactsRequest(0))
    same(theirs.contacts, [], "Bob's own list")


@scenario("contacts who added each other are mutual, until one of them deletes the other")
async def mutual(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    contact = (await ann(functions.contacts.GetContactsRequest(0))).contacts[0]
    same((contact.user_id, contact.mutual), (bob.id, True), "mutual")
    await bob(functions.contacts.DeleteContactsRequest([await bob.input_user(ann)]))
    same((await bob(functions.contacts.GetContactsRequest(0))).contacts, [], "Bob's list")
    contact = (await ann(functions.contacts.GetContactsRequest(0))).contacts[0]
    same((contact.user_id, contact.mutual), (bob.id, False), "Ann's list")


@scenario("a known person is added as a contact under another name, and the name is one's own")
async def adds(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    await ann(
        functions.contacts.AddContactRequest(await ann.input_user(bob), "Robert", "the Builder", phone="")
    )
    of_ann = (await ann(functions.users.GetUsersRequest([await ann.input_user(bob)])))[0]
    same((of_ann.first_name, of_ann.last_name), ("Robert", "the Builder"), "at Ann's")
    of_cyd = (await cyd(functions.users.GetUsersRequest([await cyd.input_user(bob)])))[0]
    same(of_cyd.first_name, "Bob", "at Cyd's")
    await refused(
        ann(functions.contacts.AddContactRequest(await ann.input_user(bob), "", "", phone="")),
        errors.ContactNameEmptyError,
    )


@scenario("search finds contacts by name and strangers by username")
async def searches(world: World):
    ann, bob, cyd = await world.people("Ann", "Bob", "Cyd")
    mark = f"{ann.phone[-5:]}x{ann.id % 1000}"
    await ann.knows(bob)
    await ann(
        functions.contacts.AddContactRequest(await ann.input_user(bob), f"Zebulon{mark}", "", phone="")
    )
    await cyd(functions.account.UpdateUsernameRequest(f"cyd_{mark}"))
    found = await ann(functions.contacts.SearchRequest(f"zebulon{mark}", 20))
    same([p.user_id for p in found.my_results], [bob.id], "one's own contacts")
    found = await ann(functions.contacts.SearchRequest(f"cyd_{mark}", 20))
    expect(cyd.id in [p.user_id for p in [*found.results, *found.my_results]], "a username")
    expect(cyd.id in [u.id for u in found.users], "the user with it")


@scenario("a full user has about, common settings and what one may know: no phone number of a stranger")
async def full_users(world: World):
    ann, bob = await world.people("Ann", "Bob")
    name = f"bob_{bob.phone[-5:]}_{bob.id % 1000}"
    await bob(functions.account.UpdateUsernameRequest(name))
    await bob(functions.account.UpdateProfileRequest(about="Nothing to see."))
    found = await ann(functions.contacts.ResolveUsernameRequest(name))
    user = found.users[0]
    same(user.phone, None, "a stranger's number")
    full = await ann(functions.users.GetFullUserRequest(types.InputUser(user.id, user.access_hash)))
    same((full.full_user.id, full.full_user.about), (bob.id, "Nothing to see."), "the full user")
    expect(bob.id in [u.id for u in full.users], "the user beside it")
    me = await bob(functions.users.GetFullUserRequest(types.InputUserSelf()))
    same((me.full_user.id, me.users[0].phone), (bob.id, bob.phone), "oneself")


@scenario("a person is resolved by phone number")
async def resolves_phone(world: World):
    ann, bob = await world.people("Ann", "Bob")
    found = await ann(functions.contacts.ResolvePhoneRequest(bob.phone))
    same(found.peer.user_id, bob.id, "who has it")
    await refused(ann(functions.contacts.ResolvePhoneRequest("9996690000000")), errors.BadRequestError)
