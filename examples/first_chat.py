"""The first chat: two new accounts, one message each way, and what is printed.

    pip install Telethon==1.45.0
    python examples/first_chat.py                 # against `cargo run --release` in this folder

Ann and Bob sign up with test numbers (99966XYYYY, code XXXXX), which a server on loopback takes by default.
"""

import argparse
import asyncio
import random

from telethon import TelegramClient, events, functions, types
from telethon.crypto import rsa
from telethon.sessions import MemorySession

API_ID, API_HASH = 12345, "anything: the server does not ask"


async def connect(server: str) -> TelegramClient:
    """A client that takes our server for data centre 2."""
    host, _, port = server.rpartition(":")
    session = MemorySession()
    session.set_dc(2, host, int(port))
    client = TelegramClient(session, API_ID, API_HASH)
    await client.connect()
    return client


async def sign_up(client: TelegramClient, name: str) -> str:
    """Becomes a new person with a test number; gives the number."""
    phone = f"999662{random.randrange(10_000):04d}"
    sent = await client(functions.auth.SendCodeRequest(phone, API_ID, API_HASH, types.CodeSettings()))
    answer = await client(functions.auth.SignInRequest(phone, sent.phone_code_hash, "22222"))
    if not isinstance(answer, types.auth.AuthorizationSignUpRequired):
        raise SystemExit(f"{phone} is taken already: run me again, I pick another number")
    answer = await client(functions.auth.SignUpRequest(phone, sent.phone_code_hash, name, ""))
    await client._on_login(answer.user)  # the library's own sign_up is disabled
    print(f"{name} signed up with +{phone}")
    return phone


async def main(server: str, key: str) -> None:
    """Two people, two messages."""
    with open(key) as file:
        rsa.add_key(file.read(), old=False)
    ann, bob = await connect(server), await connect(server)
    await sign_up(ann, "Ann")
    phone = await sign_up(bob, "Bob")

    done = asyncio.Event()

    @bob.on(events.NewMessage(incoming=True))
    async def bob_reads(event):
        print(f"Bob reads: {event.text}")
        await event.respond("Hello, Ann! I can hear you.")

    @ann.on(events.NewMessage(incoming=True))
    async def ann_reads(event):
        print(f"Ann reads: {event.text}")
        done.set()

    contact = types.InputPhoneContact(0, "+" + phone, "Bob", "")
    found = await ann(functions.contacts.ImportContactsRequest([contact]))
    await ann.send_message(found.users[0], "Hello, Bob!")
    await asyncio.wait_for(done.wait(), 30)
    await ann.disconnect()
    await bob.disconnect()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1:8443", metavar="HOST:PORT")
    parser.add_argument("--key", default="chappe-data/keys/rsa-legacy.pub.pem", metavar="FILE")
    options = parser.parse_args()
    asyncio.run(main(options.server, options.key))
