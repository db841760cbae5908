"""Photos and documents: up, down, byte for byte; and what one may not read."""

import io
import os

from telethon import errors
from telethon.tl import functions, types

from ..harness.pictures import jpeg_size, png
from ..harness.scenario import expect, refused, same
from .world import World, scenario


async def upload(device, content: bytes, name: str) -> types.TypeInputFile:
    """The library's own upload: 128 KB parts, md5 below 10 MB."""
    return await device.client.upload_file(content, file_name=name)


async def send_document(device, to, content: bytes, name: str):
    """A document in a chat, never guessed to be something else."""
    return await device.client.send_file(
        await device.peer(to),
        await upload(device, content, name),
        force_document=True,
        attributes=[types.DocumentAttributeFilename(name)],
    )


@scenario("a document of 1.5 MB arrives byte for byte with its name, type and size")
async def document(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    content = os.urandom(1_500_000)
    await ann.client.send_file(
        await ann.knows(bob), await upload(ann, content, "random.bin"), caption="for you", force_document=True,
        attributes=[types.DocumentAttributeFilename("random.bin")],
    )
    heard = await bob.heard("for you")
    found = heard.media.document
    same(found.size, len(content), "size")
    names = [a.file_name for a in found.attributes if isinstance(a, types.DocumentAttributeFilename)]
    same(names, ["random.bin"], "name")
    same(await bob.client.download_media(heard, bytes), content, "bytes at the receiver")
    mine = (await ann.history(bob, limit=1))[0]
    same(await ann.client.download_media(mine, bytes), content, "bytes at the sender")


@scenario("a document of just under 10 MB goes up and down byte for byte", limit=180)
async def ten_megabytes(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    content = os.urandom(64 * 1024) * 159 + b"the end"
    sent = await send_document(ann, bob, content, "big.bin")
    same(sent.media.document.size, len(content), "size")
    heard = (await bob.history(ann, limit=1))[0]
    same(await bob.client.download_media(heard, bytes), content, "bytes")


@scenario("big-file parts (saveBigFilePart, 512 KB, out of order) make one document")
async def big_parts(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    part = 512 * 1024
    content = os.urandom(3 * part + 12_345)
    parts = [content[i : i + part] for i in range(0, len(content), part)]
    file_id = int.from_bytes(os.urandom(7), "little")
    for number in (2, 0, 3, 1):
        request = functions.upload.SaveBigFilePartRequest(file_id, number, len(parts), parts[number])
        expect(await ann(request), f"part {number}")
    media = types.InputMediaUploadedDocument(
        types.InputFileBig(file_id, len(parts), "big.dat"),
        "application/octet-stream",
        [types.DocumentAttributeFilename("big.dat")],
        force_file=True,
    )
    await ann(functions.messages.SendMediaRequest(await ann.knows(bob), media, "big parts"))
    heard = await bob.heard("big parts")
    same(await bob.client.download_media(heard, bytes), content, "bytes")


@scenario("a photo arrives as a photo with sizes, and can be downloaded")
async def photo(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    picture = png()
    await ann.client.send_file(
        await ann.knows(bob), await upload(ann, picture, "picture.png"), caption="look"
    )
    heard = await bob.heard("look")
    expect(isinstance(heard.media, types.MessageMediaPhoto), f"a photo, not {type(heard.media).__name__}")
    sizes = heard.media.photo.sizes
    expect(sizes, "sizes")
    same(heard.media.photo.dc_id, 2, "the data centre one is connected to")
    same(jpeg_size(await bob.client.download_media(heard, bytes)), (64, 64), "a picture of that size")


@scenario("a profile photo is set, seen and downloaded by others, replaced and deleted")
async def profile_photo(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    first, second = png(64, 10), png(64, 200)
    await ann(functions.photos.UploadProfilePhotoRequest(file=await upload(ann, first, "me.png")))
    user = (await bob(functions.users.GetUsersRequest([await bob.input_user(ann)])))[0]
    expect(isinstance(user.photo, types.UserProfilePhoto), "a photo on the user")
    got = await bob.client.download_profile_photo(user, bytes)
    same(jpeg_size(got), (64, 64), "a picture of that size")
    await ann(functions.photos.UploadProfilePhotoRequest(file=await upload(ann, second, "me2.png")))
    user = (await bob(functions.users.GetUsersRequest([await bob.input_user(ann)])))[0]
    other = await bob.client.download_profile_photo(user, bytes)
    same(jpeg_size(other), (64, 64), "a picture of that size")
    expect(other != got, "another picture")
    photos = (await ann(functions.photos.GetUserPhotosRequest(types.InputUserSelf(), 0, 0, 10))).photos
    same(len(photos), 2, "both are kept")
    await ann(
        functions.photos.DeletePhotosRequest(
            [types.InputPhoto(p.id, p.access_hash, p.file_reference) for p in photos]
        )
    )
    user = (await bob(functions.users.GetUsersRequest([await bob.input_user(ann)])))[0]
    expect(not isinstance(user.photo, types.UserProfilePhoto), "no photo left")


@scenario("a file cannot be read by somebody it was never sent to, nor with an invented hash or reference")
async def foreign_file(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    content = os.urandom(5000)
    await send_document(ann, bob, content, "secret.bin")
    found = (await bob.history(ann, limit=1))[0].media.document

    def location(access_hash=found.access_hash, reference=found.file_reference):
        return types.InputDocumentFileLocation(found.id, access_hash, reference, "")

    good = await bob(functions.upload.GetFileRequest(location(), 0, 8192))
    same(good.bytes, content, "what the receiver reads")
    wrong = (
        errors.FileReferenceExpiredError,
        errors.FileReferenceInvalidError,
        errors.FileReferenceEmptyError,
        errors.LocationInvalidError,
        errors.FileIdInvalidError,
        errors.BadRequestError,
        errors.FilerefUpgradeNeededError,
    )
    await refused(cyd(functions.upload.GetFileRequest(location(), 0, 8192)), *wrong)
    await refused(cyd(functions.upload.GetFileRequest(location(reference=b""), 0, 8192)), *wrong)
    await refused(bob(functions.upload.GetFileRequest(location(access_hash=1), 0, 8192)), *wrong)
    await refused(bob(functions.upload.GetFileRequest(location(reference=b"\x01" * 24), 0, 8192)), *wrong)


@scenario("a file is read in ranges, and a range past its end is empty")
async def ranges(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    content = os.urandom(300_000)
    await send_document(ann, bob, content, "ranges.bin")
    found = (await bob.history(ann, limit=1))[0].media.document
    location = types.InputDocumentFileLocation(found.id, found.access_hash, found.file_reference, "")

    async def read(offset, limit):
        return (await bob(functions.upload.GetFileRequest(location, offset, limit))).bytes

    same(await read(0, 4096), content[:4096], "the first 4 KB")
    same(await read(131072, 131072), content[131072:262144], "the middle")
    same(await read(262144, 131072), content[262144:], "the last short part")
    same(await read(524288, 131072), b"", "past the end")
    await refused(read(0, 1000), errors.LimitInvalidError)
    await refused(read(100, 4096), errors.OffsetInvalidError)
    await refused(read(0, 8 * 1024 * 1024), errors.LimitInvalidError)


@scenario("parts that break the rules are refused: too big, missing, a wrong md5")
async def bad_parts(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    peer = await ann.knows(bob)
    await refused(
        ann(functions.upload.SaveFilePartRequest(1, 0, bytes(600 * 1024))),
        errors.FilePartTooBigError,
        errors.FilePartSizeInvalidError,
        errors.BadRequestError,
    )
    await ann(functions.upload.SaveFilePartRequest(77, 0, b"a" * 1024))
    await ann(functions.upload.SaveFilePartRequest(77, 2, b"c" * 1024))

    def media(file):
        return types.InputMediaUploadedDocument(file, "application/octet-stream", [])

    holed = types.InputFile(77, 3, "holed", "")
    await refused(
        ann(functions.messages.SendMediaRequest(peer, media(holed), "")),
        errors.FilePartMissingError,
        errors.FilePartsInvalidError,
        errors.FilePart0MissingError,
        errors.BadRequestError,
    )
    await ann(functions.upload.SaveFilePartRequest(78, 0, b"a" * 1024))
    await refused(
        ann(functions.messages.SendMediaRequest(peer, media(types.InputFile(78, 1, "x", "0" * 32)), "")),
        errors.Md5ChecksumInvalidError,
        errors.BadRequestError,
    )
    same(await bob.history(ann), [], "nothing arrived")


@scenario("a forwarded document is readable by its new receiver, and a document can be sent again by reference")
async def forwarded_document(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    content = os.urandom(20_000)
    await send_document(ann, bob, content, "pass.bin")
    heard = (await bob.history(ann, limit=1))[0]
    await bob.client.forward_messages(await bob.knows(cyd), heard.id, await bob.knows(ann))
    passed = (await cyd.history(bob, limit=1))[0]
    same(await cyd.client.download_media(passed, bytes), content, "bytes after the forward")
    found = passed.media.document
    again = types.InputMediaDocument(types.InputDocument(found.id, found.access_hash, found.file_reference))
    await cyd(functions.messages.SendMediaRequest(await cyd.knows(ann), again, "back to you"))
    back = await ann.heard("back to you")
    same(await ann.client.download_media(back, bytes), content, "bytes after it was sent again")


@scenario("uploadMedia prepares a document that is sent later")
async def upload_media(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    content = b"prepared " * 1000
    media = types.InputMediaUploadedDocument(
        await upload(ann, content, "p.txt"), "text/plain", [types.DocumentAttributeFilename("p.txt")]
    )
    answer = await ann(functions.messages.UploadMediaRequest(types.InputPeerSelf(), media))
    found = answer.document
    ready = types.InputMediaDocument(types.InputDocument(found.id, found.access_hash, found.file_reference))
    await ann(functions.messages.SendMediaRequest(await ann.knows(bob), ready, "prepared"))
    heard = await bob.heard("prepared")
    out = io.BytesIO()
    await bob.client.download_media(heard, out)
    same(out.getvalue(), content, "bytes")
