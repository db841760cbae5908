"""Signing up, signing in, codes and their errors, devices, logging out."""

import asyncio

from telethon import errors
from telethon.tl import functions, types

from ..harness.people import code_of, ordinary_number, wrong_code_for
from ..harness.scenario import Skip, eventually, expect, refused, same
from .world import TRANSPORTS, World, scenario


@scenario("a new person signs up, accepts the terms of service and is who they said")
async def signs_up(world: World):
    stranger = await world.stranger()
    expect(await stranger.client.get_me() is None, "a stranger is nobody")
    ann = await stranger.sign_up("Ann", "Archer")
    me = await ann.client.get_me()
    same((me.first_name, me.last_name, me.phone, me.is_self), ("Ann", "Archer", ann.phone, True), "get_me")
    expect(await ann(functions.help.AcceptTermsOfServiceRequest(ann.terms.id)), "the terms are accepted")
    expect(me.access_hash, "an access hash that is not zero")


@scenario("before signing up, signIn asks for a name and shows the terms")
async def sign_up_required(world: World):
    stranger = await world.stranger()
    sent = await stranger.take_number()
    expect(sent.phone_code_hash, "a code hash")
    same(getattr(sent.type, "length", None), 5, "length of the code")
    expect(stranger.terms and stranger.terms.text, "terms of service to read")
    await refused(stranger(functions.users.GetUsersRequest([types.InputUserSelf()])), errors.UnauthorizedError)


@scenario("every transport of the library carries a whole sign-up and a message to oneself")
async def all_transports(world: World):
    async def one(transport: str):
        person = await world.person(transport.title(), transport)
        sent = await person.say("me", f"by {transport}")
        same([m.message for m in await person.history("me")], [f"by {transport}"], f"Saved Messages over {transport}")
        expect(sent.id > 0, "a message id")

    await asyncio.gather(*(one(transport) for transport in TRANSPORTS))


@scenario("a wrong code is refused, an empty one too, and the right one still works")
async def wrong_code(world: World):
    ann = await world.person("Ann")
    other = await world.stranger()
    other.phone = ann.phone
    sent = await other.send_code()
    await refused(
        other.sign_in_raw(sent.phone_code_hash, wrong_code_for(ann.phone)), errors.PhoneCodeInvalidError
    )
    await refused(
        other(functions.auth.SignInRequest(ann.phone, sent.phone_code_hash, "")), errors.PhoneCodeEmptyError
    )
    answer = await other.sign_in_raw(sent.phone_code_hash)
    same(answer.user.id, ann.id, "who signed in")


@scenario("a code that was used once is expired afterwards")
async def reused_code(world: World):
    ann = await world.person("Ann")
    second, third = await asyncio.gather(world.stranger(), world.stranger())
    second.phone = third.phone = ann.phone
    sent = await second.send_code()
    await second.sign_in_raw(sent.phone_code_hash)
    await refused(third.sign_in_raw(sent.phone_code_hash), errors.PhoneCodeExpiredError, errors.PhoneCodeInvalidError)


@scenario("a cancelled code is expired")
async def cancelled_code(world: World):
    ann = await world.person("Ann")
    other = await world.stranger()
    other.phone = ann.phone
    sent = await other.send_code()
    expect(await other(functions.auth.CancelCodeRequest(ann.phone, sent.phone_code_hash)), "cancelCode")
    await refused(other.sign_in_raw(sent.phone_code_hash), errors.PhoneCodeExpiredError)


@scenario("a code hash that nobody was given is expired; another number's hash does not help")
async def foreign_code_hash(world: World):
    ann, bob = await world.people("Ann", "Bob")
    other = await world.stranger()
    other.phone = ann.phone
    await refused(other.sign_in_raw("0123456789abcdef"), errors.PhoneCodeExpiredError, errors.PhoneCodeInvalidError)
    other.phone = bob.phone
    sent = await other.send_code()
    other.phone = ann.phone
    await refused(
        other.sign_in_raw(sent.phone_code_hash, code_of(ann.phone)),
        errors.PhoneCodeExpiredError,
        errors.PhoneCodeInvalidError,
    )


@scenario("after many wrong codes even the right one does not help")
async def guessing_a_code(world: World):
    ann = await world.person("Ann")
    other = await world.stranger()
    other.phone = ann.phone
    sent = await other.send_code()
    for _ in range(60):
        error = await refused(
            other.sign_in_raw(sent.phone_code_hash, wrong_code_for(ann.phone)),
            errors.PhoneCodeInvalidError,
            errors.PhoneCodeExpiredError,
            errors.FloodWaitError,
            errors.PhoneNumberFloodError,
        )
        if not isinstance(error, errors.PhoneCodeInvalidError):
            break
    else:
        raise AssertionError("60 guesses and still no end")
    await refused(
        other.sign_in_raw(sent.phone_code_hash),
        errors.PhoneCodeExpiredError,
        errors.FloodWaitError,
        errors.PhoneNumberFloodError,
    )


@scenario("asking for a code again and again ends in FLOOD_WAIT with the seconds to wait")
async def flood_of_code_requests(world: World):
    stranger = await world.stranger()
    stranger.phone = ordinary_number()
    for _ in range(60):
        try:
            await stranger.send_code()
        except errors.FloodWaitError as wait:
            expect(wait.seconds > 0, "seconds to wait")
            return
        except errors.PhoneNumberFloodError:
            return
    raise AssertionError("60 codes in a row were sent")


@scenario("numbers that are none are refused, and so is a sign-up with an unasked code")
async def bad_numbers(world: World):
    stranger = await world.stranger()
    for phone in ("", "12", "not a number", "9" * 40):
        stranger.phone = phone
        await refused(stranger.send_code(), errors.PhoneNumberInvalidError)
    stranger.phone = "9996619876"
    await refused(
        stranger(functions.auth.SignUpRequest("9996619876", "0123456789abcdef", "No", "One")),
        errors.PhoneCodeExpiredError,
        errors.PhoneCodeInvalidError,
        errors.PhoneNumberInvalidError,
        errors.PhoneCodeEmptyError,
        errors.PhoneNumberUnoccupiedError,
        errors.PhoneCodeHashEmptyError,
        errors.BadRequestError,
    )


@scenario("a first name is needed to sign up")
async def nameless(world: World):
    stranger = await world.stranger()
    sent = await stranger.take_number()
    await refused(
        stranger(functions.auth.SignUpRequest(stranger.phone, sent.phone_code_hash, "", "")),
        errors.FirstNameInvalidError,
    )
    answer = await stranger(functions.auth.SignUpRequest(stranger.phone, sent.phone_code_hash, "Named", ""))
    same(answer.user.first_name, "Named", "the name")


@scenario("a resent code replaces the first one and signs in")
async def resent_code(world: World):
    ann = await world.person("Ann")
    other = await world.stranger()
    other.phone = ann.phone
    sent = await other.send_code()
    try:
        sent = await other(functions.auth.ResendCodeRequest(ann.phone, sent.phone_code_hash))
    except errors.SendCodeUnavailableError:
        pass  # an honest answer where there is one channel only
    answer = await other.sign_in_raw(sent.phone_code_hash)
    same(answer.user.id, ann.id, "who signed in")


@scenario("the login code of an ordinary number is found with `chappe user code`, and once")
async def code_on_the_console(world: World):
    if not (world.target.chappe and world.target.data):
        raise Skip("needs --chappe and --data")
    stranger = await world.stranger()
    stranger.phone = ordinary_number()
    sent = await stranger.send_code()
    printed = await asyncio.to_thread(world.target.command, "user", "code", stranger.phone)
    digits = [word for word in printed.replace(":", " ").split() if word.isdigit() and len(word) == 5]
    same(len(digits), 1, f"codes in {printed!r}")
    answer = await stranger.sign_in_raw(sent.phone_code_hash, digits[0])
    expect(isinstance(answer, types.auth.AuthorizationSignUpRequired), "a number nobody has yet")


@scenario("a login code asked for elsewhere arrives as a message from 777000, and so does the notice of the login")
async def service_messages(world: World):
    ann = await world.person("Ann")
    before = len(ann.inbox.items)
    other = await world.another_device(ann)

    def from_service(update):
        return isinstance(update, types.UpdateNewMessage) and (
            getattr(update.message.peer_id, "user_id", 0) == 777000
        )

    update = await ann.inbox.first(from_service, "a message from 777000", after=before)
    expect(update.message.message, "a text")
    same((await ann.client.get_me()).id, (await other.client.get_me()).id, "one person")


@scenario("getAuthorizations lists every device, and resetAuthorization throws one out with 401")
async def authorizations(world: World):
    ann = await world.person("Ann")
    other = await world.another_device(ann)
    listed = (await ann(functions.account.GetAuthorizationsRequest())).authorizations
    same(len(listed), 2, "devices")
    same([a.current for a in listed].count(True), 1, "current devices")
    current = next(a for a in listed if a.current)
    same(current.hash, 0, "hash of the current device")
    elsewhere = next(a for a in listed if not a.current)
    expect(elsewhere.hash, "a hash by which to end the other one")
    expect(elsewhere.device_model, "a device model")
    expect(await ann(functions.account.ResetAuthorizationRequest(elsewhere.hash)), "resetAuthorization")

    async def out():
        try:
            await other(functions.updates.GetStateRequest())
            return False
        except errors.UnauthorizedError:
            return True
        except ConnectionError:
            return True

    await eventually(out, "the other device is signed out")
    same(len((await ann(functions.account.GetAuthorizationsRequest())).authorizations), 1, "devices left")


@scenario("logging out ends this device only, and the key can sign somebody in again")
async def logs_out(world: World):
    ann = await world.person("Ann")
    other = await world.another_device(ann)
    await other(functions.auth.LogOutRequest())
    await refused(other(functions.users.GetUsersRequest([types.InputUserSelf()])), errors.UnauthorizedError)
    same((await ann.client.get_me()).id, ann.id, "the first device")
    same(len((await ann(functions.account.GetAuthorizationsRequest())).authorizations), 1, "devices left")


@scenario("a profile and a username are set, seen by others, changed and dropped")
async def profile_and_username(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    updated = await ann(functions.account.UpdateProfileRequest(first_name="Anna", last_name="A.", about="I draw maps."))
    same((updated.first_name, updated.last_name), ("Anna", "A."), "the new name")
    name = f"anna_{ann.phone[-5:]}_{ann.id % 1000}"
    expect(await ann(functions.account.CheckUsernameRequest(name)), "the name is free")
    same((await ann(functions.account.UpdateUsernameRequest(name))).username, name, "the username")
    found = await bob(functions.contacts.ResolveUsernameRequest(name.upper()))
    same(found.peer.user_id, ann.id, "who has it")
    await refused(bob(functions.account.UpdateUsernameRequest(name)), errors.UsernameOccupiedError)
    expect(not await bob(functions.account.CheckUsernameRequest(name)), "the name is taken")
    for bad in ("ab", "1abcdef", "a b c d e f", "a__" + "x" * 60):
        await refused(
            bob(functions.account.UpdateUsernameRequest(bad)),
            errors.UsernameInvalidError,
            errors.UsernamePurchaseAvailableError,
        )
    full = await bob(functions.users.GetFullUserRequest(await bob.input_user(ann)))
    same(full.full_user.about, "I draw maps.", "about")
    await ann(functions.account.UpdateUsernameRequest(""))
    await refused(bob(functions.contacts.ResolveUsernameRequest(name)), errors.UsernameNotOccupiedError)
    await refused(ann(functions.account.UpdateUsernameRequest("")), errors.UsernameNotModifiedError)
