"""Known answers, computed from the text of the specification and not from the server's code.

    python3 protocol-spec/vectors/make.py          # writes the files beside it
    python3 protocol-spec/vectors/make.py --check  # says whether they are what it would write

Python's standard library alone; AES is written out below from FIPS 197. Every "random" byte is a counter through SHA-256, so the
files are the same wherever they are made. A file is a list of cases: a line `[name]`, then `field = value`, bytes in hexadecimal,
numbers in decimal.
"""

import base64
import hashlib
import pathlib
import sys
import zlib

HERE = pathlib.Path(__file__).parent


def sha1(*parts):
    return hashlib.sha1(b"".join(parts)).digest()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def chance(name, length):
    """Bytes that look random and are always the same."""
    out = b""
    counter = 0
    while len(out) < length:
        out += sha256(b"chappe vectors", name.encode(), counter.to_bytes(4, "big"))
        counter += 1
    return out[:length]


def le(number, length):
    return (number % (1 << 8 * length)).to_bytes(length, "little")


def be(number, length=256):
    return number.to_bytes(length, "big")


def shortest(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


# ---- AES-256, FIPS 197


def times_x(byte):
    return (byte << 1 ^ 0x11B) & 0xFF if byte & 0x80 else byte << 1


def times(a, b):
    out = 0
    while b:
        if b & 1:
            out ^= a
        a = times_x(a)
        b >>= 1
    return out


def s_box():
    box = []
    for value in range(256):
        inverse = next((i for i in range(256) if times(value, i) == 1), 0)
        out = 0
        for shift in range(5):
            out ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box.append(out ^ 0x63)
    return box


S = s_box()
S_INVERSE = [S.index(value) for value in range(256)]
TIMES = {factor: [times(value, factor) for value in range(256)] for factor in (1, 2, 3, 9, 11, 13, 14)}


def round_keys(key):
    words = [list(key[i : i + 4]) for i in range(0, 32, 4)]
    constant = 1
    for i in range(8, 60):
        word = list(words[i - 1])
        if i % 8 == 0:
            word = [S[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = times_x(constant)
        elif i % 8 == 4:
            word = [S[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i : i + 4], []) for i in range(0, 60, 4)]


def mix(block, factors):
    out = []
    for column in range(0, 16, 4):
        for row in range(4):
            value = 0
            for i in range(4):
                value ^= TIMES[factors[(i - row) % 4]][block[column + i]]
            out.append(value)
    return out


def aes_encrypt(keys, block):
    block = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 15):
        block = [S[block[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            block = mix(block, (2, 3, 1, 1))
        block = [a ^ b for a, b in zip(block, keys[number])]
    return bytes(block)


def aes_decrypt(keys, block):
    block = [a ^ b for a, b in zip(block, keys[14])]
    for number in range(13, -1, -1):
        block = [S_INVERSE[block[(i - 4 * (i % 4)) % 16]] for i in range(16)]
        block = [a ^ b for a, b in zip(block, keys[number])]
        if number > 0:
            block = mix(block, (14, 11, 13, 9))
    return bytes(block)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def ige_encrypt(key, iv, data):
    keys = round_keys(key)
    before_cipher, before_plain = iv[:16], iv[16:]
    out = b""
    for at in range(0, len(data), 16):
        plain = data[at : at + 16]
        cipher = xor(aes_encrypt(keys, xor(plain, before_cipher)), before_plain)
        out += cipher
        before_cipher, before_plain = cipher, plain
    return out


def ige_decrypt(key, iv, data):
    keys = round_keys(key)
    before_cipher, before_plain = iv[:16], iv[16:]
    out = b""
    for at in range(0, len(data), 16):
        cipher = data[at : at + 16]
        plain = xor(aes_decrypt(keys, xor(cipher, before_plain)), before_cipher)
        out += plain
        before_cipher, before_plain = cipher, plain
    return out


def key_stream(key, iv, length):
    keys = round_keys(key)
    counter = int.from_bytes(iv, "big")
    out = b""
    while len(out) < length:
        out += aes_encrypt(keys, (counter % (1 << 128)).to_bytes(16, "big"))
        counter += 1
    return out[:length]


def self_test():
    # FIPS 197, appendix C.3.
    keys = round_keys(bytes(range(32)))
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    cipher = bytes.fromhex("8ea2b7ca516745bfeafc49904b496089")
    assert aes_encrypt(keys, plain) == cipher and aes_decrypt(keys, cipher) == plain
    key, iv, data = chance("key", 32), chance("iv", 32), chance("data", 64)
    assert ige_decrypt(key, iv, ige_encrypt(key, iv, data)) == data


# ---- the protocol's numbers

PRIME = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db"
    "fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b41"
    "0dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf"
    "6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
G = 3


def tl_bytes(data):
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + le(len(data), 3)
    return head + data + bytes(-(len(head) + len(data)) % 4)


def handshake_key(new_nonce, server_nonce):
    new_server, server_new = sha1(new_nonce, server_nonce), sha1(server_nonce, new_nonce)
    return new_server + server_new[:12], server_new[12:] + sha1(new_nonce, new_nonce) + new_nonce[:4]


def message_key(auth_key, msg_key, x):
    a = sha256(msg_key, auth_key[x : x + 36])
    b = sha256(auth_key[40 + x : 76 + x], msg_key)
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]


def message_key_v1(auth_key, msg_key):
    a = sha1(msg_key, auth_key[:32])
    b = sha1(auth_key[32:48], msg_key, auth_key[48:64])
    c = sha1(auth_key[64:96], msg_key)
    d = sha1(msg_key, auth_key[96:128])
    return a[:8] + b[8:20] + c[4:16], a[8:20] + b[:8] + c[16:] + d[:8]


def key_id(auth_key):
    return sha1(auth_key)[12:]


AUTH_KEYS = {
    "plain": chance("auth_key", 256),
    "one leading zero": b"\0" + chance("auth_key 1", 255),
    "eight leading zeros": bytes(8) + chance("auth_key 8", 248),
    "ends in zeros": chance("auth_key e", 192) + bytes(64),
}


# ---- the files


def auth_key_cases():
    for name, key in AUTH_KEYS.items():
        yield name, {"auth_key": key, "auth_key_id": key_id(key), "auth_key_aux_hash": sha1(key)[:8]}


def kdf_cases():
    for name, key in AUTH_KEYS.items():
        for msg_key in (chance("msg_key", 16), bytes(4) + chance("msg_key", 12)):
            case = {"auth_key": key, "msg_key": msg_key}
            case["client_key"], case["client_iv"] = message_key(key, msg_key, 0)
            case["server_key"], case["server_iv"] = message_key(key, msg_key, 8)
            case["v1_key"], case["v1_iv"] = message_key_v1(key, msg_key)
            yield f"{name}, msg_key {msg_key[:2].hex()}", case


def ige_cases():
    for blocks in (1, 2, 3, 4, 5, 8, 17):
        key, iv, plain = (chance(f"ige {what} {blocks}", n) for what, n in
                          (("key", 32), ("iv", 32), ("plain", 16 * blocks)))
        yield f"{blocks} blocks", {"key": key, "iv": iv, "plain": plain, "cipher": ige_encrypt(key, iv, plain)}
    zero = bytes(32)
    yield "zeros", {"key": zero, "iv": zero, "plain": bytes(64), "cipher": ige_encrypt(zero, zero, bytes(64))}


def record_cases():
    for name, key in AUTH_KEYS.items():
        for side, x in (("client", 0), ("server", 8)):
            for body_bytes, blocks_more in ((0, 0), (4, 1), (40, 2), (100, 3), (1024, 0)):
                what = f"{name}, {side}, {body_bytes}"
                salt, session_id, msg_id = (int.from_bytes(chance(what + n, 8), "little", signed=True) for n in "abc")
                seq_no = int.from_bytes(chance(what + "d", 4), "little") >> 1
                body = chance(what + "body", body_bytes)
                inner = le(salt, 8) + le(session_id, 8) + le(msg_id, 8) + le(seq_no, 4) + le(len(body), 4) + body
                least = 12 + -(len(inner) + 12) % 16
                padding = chance(what + "padding", least + 16 * blocks_more)
                plain = inner + padding
                large = sha256(key[88 + x : 120 + x], plain)
                msg_key = large[8:24]
                packet = key_id(key) + msg_key + ige_encrypt(*message_key(key, msg_key, x), plain)
                token = int.from_bytes(large[:4], "little") | 1 << 31
                yield what, {
                    "auth_key": key, "side": side, "salt": salt, "session_id": session_id, "msg_id": msg_id,
                    "seq_no": seq_no, "body": body, "blocks_more": blocks_more, "padding": padding,
                    "msg_key": msg_key, "quick_ack": token, "packet": packet,
                }


def bind_cases():
    for name, key in AUTH_KEYS.items():
        what = f"bind {name}"
        nonce, temp, session, msg_id = (int.from_bytes(chance(what + n, 8), "little", signed=True) for n in "abcd")
        expires_at = 1_900_000_000
        perm = int.from_bytes(key_id(key), "little", signed=True)
        inner = le(0x75A3F765, 4) + le(nonce, 8) + le(temp, 8) + le(perm, 8) + le(session, 8) + le(expires_at, 4)
        head, padding = chance(what + "head", 16), chance(what + "padding", 8)
        plain = head + le(msg_id, 8) + le(0, 4) + le(len(inner), 4) + inner
        msg_key = sha1(plain)[4:]
        sealed = key_id(key) + msg_key + ige_encrypt(*message_key_v1(key, msg_key), plain + padding)
        yield name, {
            "auth_key": key, "nonce": nonce, "temp_auth_key_id": temp, "temp_session_id": session, "msg_id": msg_id,
            "expires_at": expires_at, "random": head + padding, "encrypted_message": sealed,
        }


# RSA: a key of our own. Whoever uses it for more than tests has published everything.


def is_prime(n):
    if any(n % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)):
        return False
    twos, odd = 0, n - 1
    while odd % 2 == 0:
        twos, odd = twos + 1, odd // 2
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        power = pow(base, odd, n)
        if power in (1, n - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % n
            if power == n - 1:
                break
        else:
            return False
    return True


def prime_from(name):
    n = int.from_bytes(chance(name, 128), "big") | 3 << 1022 | 1
    while not (is_prime(n) and (n - 1) % 65537):
        n += 2
    return n


class Rsa:
    def __init__(self, name="rsa"):
        p, q = prime_from(name + " p"), prime_from(name + " q")
        self.p, self.q = max(p, q), min(p, q)
        self.n, self.e = p * q, 65537
        self.d = pow(self.e, -1, (p - 1) * (q - 1))

    def der(self):
        def tlv(tag, body):
            n = len(body)
            size = bytes([n]) if n < 128 else bytes([0x80 | len(shortest(n))]) + shortest(n)
            return bytes([tag]) + size + body

        def integer(n):
            return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))

        d, p, q = self.d, self.p, self.q
        numbers = (0, self.n, self.e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        return tlv(0x30, b"".join(integer(n) for n in numbers))

    def pem(self):
        text = base64.encodebytes(self.der()).decode().replace("\n", "")
        lines = [text[i : i + 64] for i in range(0, len(text), 64)]
        return "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----\n"


def rsa_key_cases(rsa):
    n, e = shortest(rsa.n), shortest(rsa.e)
    yield "key of the cases below", {
        "n": n, "e": e, "fingerprint": int.from_bytes(sha1(tl_bytes(n), tl_bytes(e))[12:], "little", signed=True),
    }


def rsa_pad_cases(rsa):
    def block(data, filler, temp_key):
        padded = data + filler
        enciphered = ige_encrypt(temp_key, bytes(32), padded[::-1] + sha256(temp_key, padded))
        return xor(temp_key, sha256(enciphered)) + enciphered

    def case(name, length, wanted):
        data, filler = chance(name + "data", length), chance(name + "filler", 192 - length)
        tried = []
        for number in range(100_000):
            temp_key = chance(f"{name} temp_key {number}", 32)
            made = block(data, filler, temp_key)
            value = int.from_bytes(made, "big")
            good = value < rsa.n
            if good and wanted(made, be(pow(value, rsa.e, rsa.n))):
                return name, {
                    "data": data, "filler": filler, "temp_key": temp_key, "block": made,
                    "encrypted": be(pow(value, rsa.e, rsa.n)), "too_large_before": b"".join(tried[:1]),
                }
            if not good:
                tried.append(temp_key)
        raise AssertionError(name)

    yield case("any", 144, lambda block, encrypted: True)
    yield case("shortest", 80, lambda block, encrypted: True)
    yield case("full", 192, lambda block, encrypted: True)
    yield case("block begins with a zero", 96, lambda block, encrypted: block[0] == 0)
    yield case("ciphertext begins with a zero", 104, lambda block, encrypted: encrypted[0] == 0)


def rsa_legacy_cases(rsa):
    def case(name, length, wanted):
        data = chance(name + "data", length)
        for number in range(100_000):
            filler = chance(f"{name} filler {number}", 235 - length)
            made = b"\0" + sha1(data) + data + filler
            encrypted = be(pow(int.from_bytes(made, "big"), rsa.e, rsa.n))
            if wanted(encrypted):
                return name, {"data": data, "filler": filler, "block": made, "encrypted": encrypted}
        raise AssertionError(name)

    for length in range(80, 148, 4):
        yield case(f"{length} bytes", length, lambda encrypted: True)
    yield case("ciphertext begins with a zero", 96, lambda encrypted: encrypted[0] == 0)
    # A hash that begins with zeros, so that the block begins with two.
    for number in range(100_000):
        if sha1(chance(f"zero hash {number}data", 96))[0] == 0:
            yield case(f"zero hash {number}", 96, lambda encrypted: True)
            break


def dh_cases():
    def case(name, a, b):
        g_a, g_b = pow(G, a, PRIME), pow(G, b, PRIME)
        key = be(pow(g_b, a, PRIME))
        assert key == be(pow(g_a, b, PRIME))
        return name, {"a": be(a), "b": be(b), "g_a": be(g_a), "g_b": be(g_b), "auth_key": key, "auth_key_id": key_id(key)}

    def stepped(start, factor, zeros):
        """The first exponent from `start` on whose power, by `factor` for each step, begins with so many zeros."""
        exponent, power = start, factor(start)
        step = factor(1)
        while power >> 8 * (256 - zeros):
            exponent, power = exponent + 1, power * step % PRIME
        return exponent

    def number(name):
        return int.from_bytes(chance(name, 256), "big")

    a, b = number("a"), number("b")
    yield case("any", a, b)
    short = int.from_bytes(chance("short", 248), "big")
    yield case("a begins with eight zeros", short, b)
    for zeros in (1, 2):
        yield case(f"g_a begins with {zeros} zeros", stepped(a, lambda e: pow(G, e, PRIME), zeros), b)
        yield case(f"g_b begins with {zeros} zeros", a, stepped(b, lambda e: pow(G, e, PRIME), zeros))
        g_a = pow(G, a, PRIME)
        yield case(f"auth_key begins with {zeros} zeros", a, stepped(b, lambda e: pow(g_a, e, PRIME), zeros))


def range_cases():
    margin = 1 << 1984
    edges = {
        "zero": 0, "one": 1, "two": 2, "margin - 1": margin - 1, "margin": margin, "margin + 1": margin + 1,
        "p - margin - 1": PRIME - margin - 1, "p - margin": PRIME - margin, "p - margin + 1": PRIME - margin + 1,
        "p - 1": PRIME - 1, "p": PRIME, "p + 1": PRIME + 1, "2^2048 - 1": (1 << 2048) - 1,
    }
    for name, number in edges.items():
        safe = margin <= number <= PRIME - margin
        yield name, {"number": be(number), "shortest": shortest(number), "safe": int(safe)}


def pq_cases():
    for name, p, q in (("ordinary", 1_229_739_323, 1_402_015_859), ("least", 1_073_741_827, 1_073_741_831),
                       ("largest", 2_147_483_629, 2_147_483_647)):
        yield name, {"p": shortest(p), "q": shortest(q), "pq": shortest(p * q), "padded_p": be(p, 8), "padded_q": be(q, 8)}


def nonce_cases():
    nonces = {
        "any": (chance("new", 32), chance("server", 16)),
        "zeros in front": (bytes(8) + chance("new", 24), bytes(4) + chance("server", 12)),
        "equal halves": (chance("half", 8) + chance("new", 24), chance("half", 8) + chance("server", 8)),
    }
    for name, (new_nonce, server_nonce) in nonces.items():
        for key_name in ("plain", "eight leading zeros"):
            aux = sha1(AUTH_KEYS[key_name])[:8]
            key, iv = handshake_key(new_nonce, server_nonce)
            yield f"{name}, key {key_name}", {
                "new_nonce": new_nonce, "server_nonce": server_nonce, "auth_key": AUTH_KEYS[key_name],
                "tmp_aes_key": key, "tmp_aes_iv": iv,
                "new_nonce_hash1": sha1(new_nonce, b"\1", aux)[4:], "new_nonce_hash2": sha1(new_nonce, b"\2", aux)[4:],
                "salt": int.from_bytes(xor(new_nonce[:8], server_nonce[:8]), "little", signed=True),
            }


def dh_data_cases():
    """What is enciphered under the key of a handshake: `SHA1(data) | data | padding`."""
    nonce, new_nonce = chance("nonce", 16), chance("new", 32)
    key_of = handshake_key
    for name, zeros in (("any", 0), ("numbers begin with a zero", 1)):
        number = bytes(zeros) + chance(f"number {zeros}", 256 - zeros)
        server_nonce = chance(f"server {zeros}", 16)
        key, iv = key_of(new_nonce, server_nonce)
        server = (le(0xB5890DBA, 4) + nonce + server_nonce + le(G, 4) + tl_bytes(be(PRIME)) + tl_bytes(number)
                  + le(1_700_000_000, 4))
        client = le(0x6643B654, 4) + nonce + server_nonce + le(0, 8) + tl_bytes(number)
        for what, data in (("server", server), ("client", client)):
            plain = sha1(data) + data
            padding = chance(f"padding {name} {what}", -len(plain) % 16)
            yield f"{what}, {name}", {
                "new_nonce": new_nonce, "nonce": nonce, "server_nonce": server_nonce, "number": number, "data": data,
                "padding": padding, "encrypted": ige_encrypt(key, iv, plain + padding),
            }


FRAMINGS = {"abridged": b"\xef" * 4, "intermediate": b"\xee" * 4, "padded intermediate": b"\xdd" * 4}


def obfuscation_cases():
    for number, (framing, tag) in enumerate(FRAMINGS.items()):
        for dc in (2, -4, 10002):
            drawn = chance(f"header {framing} {dc}", 64)
            if number == 1:
                # A key and a vector that begin with zeros, and a counter that overflows.
                drawn = drawn[:8] + bytes(4) + drawn[12:40] + b"\xff" * 16 + drawn[56:]
            backward = drawn[::-1]
            up = key_stream(drawn[8:40], drawn[40:56], 64 + 48)
            header = drawn[:56] + xor(tag + le(dc, 2) + drawn[62:], up[56:64])
            down_source = header[::-1]
            assert down_source[8:56] == backward[8:56]
            down = key_stream(down_source[8:40], down_source[40:56], 48)
            text, answer = chance(f"up {framing} {dc}", 48), chance(f"down {framing} {dc}", 48)
            yield f"{framing}, data centre {dc}", {
                "framing": framing, "dc": dc, "drawn": drawn, "header": header, "sent": text,
                "sent_obfuscated": xor(text, up[64:]), "received": answer, "received_obfuscated": xor(answer, down),
            }


def framing_cases():
    token = 0x8A1B2C3D
    for length in (4, 24, 504, 508, 1024):
        packet = b"\x55" + chance(f"packet {length}", length - 1)
        for ask in (0, 1):
            words = length // 4
            head = bytes([words | ask << 7]) if words < 0x7F else bytes([0x7F | ask << 7]) + le(words, 3)
            yield f"abridged, {length}, {ask}", {
                "framing": "abridged", "packet": packet, "ask": ask, "padding": b"", "stream": head + packet,
            }
            yield f"intermediate, {length}, {ask}", {
                "framing": "intermediate", "packet": packet, "ask": ask, "padding": b"",
                "stream": le(length | ask << 31, 4) + packet,
            }
            for padding_bytes in range(4):
                # The number of bytes is the two highest bits of the word that they are taken from.
                drawn = chance(f"pad {length} {ask} {padding_bytes}", 3) + bytes([padding_bytes << 6 | 0x15])
                yield f"padded intermediate, {length}, {ask}, {padding_bytes}", {
                    "framing": "padded intermediate", "packet": packet, "ask": ask, "padding": drawn,
                    "stream": le(length + padding_bytes | ask << 31, 4) + packet + drawn[:padding_bytes],
                }
        stream = b""
        for number in range(2):
            frame = le(length + 12, 4) + le(number, 4) + packet
            stream += frame + le(zlib.crc32(frame), 4)
        yield f"full, {length}, twice", {
            "framing": "full", "packet": packet, "ask": 0, "padding": b"", "stream": stream,
        }
    for framing, stream in (("abridged", be(token, 4)), ("intermediate", le(token, 4)),
                            ("padded intermediate", le(8, 4) + b"\xff" * 4 + le(token, 4))):
        yield f"quick ack, {framing}", {"framing": framing, "token": token, "padding": bytes(4), "stream": stream}


def websocket_cases():
    for length in (0, 1, 125, 126, 65535, 65536):
        payload, mask = chance(f"web {length}", min(length, 48)) * (length // 48 + 1), chance(f"mask {length}", 4)
        payload = payload[:length]
        size = bytes([length]) if length < 126 else b"\x7e" + be(length, 2) if length < 65536 else b"\x7f" + be(length, 8)
        masked = bytes([0x82, size[0] | 0x80]) + size[1:] + mask + xor(payload, mask * (length // 4 + 1))
        yield f"{length} bytes", {
            "length": length, "seed": payload[:48], "mask": mask, "client_sha256": sha256(masked),
            "client_head": masked[:18], "server_head": bytes([0x82]) + size,
        }


def text_of(cases):
    lines = []
    for name, fields in cases:
        lines.append(f"[{name}]")
        for field, value in fields.items():
            lines.append(f"{field} = {value.hex() if isinstance(value, bytes) else value}".rstrip())
        lines.append("")
    return "\n".join(lines)


def main():
    self_test()
    rsa = Rsa()
    files = {
        "auth_key.txt": auth_key_cases(), "kdf.txt": kdf_cases(), "ige.txt": ige_cases(), "record.txt": record_cases(),
        "bind.txt": bind_cases(), "rsa_key.txt": rsa_key_cases(rsa), "rsa_pad.txt": rsa_pad_cases(rsa),
        "rsa_legacy.txt": rsa_legacy_cases(rsa), "dh.txt": dh_cases(), "dh_range.txt": range_cases(), "pq.txt": pq_cases(),
        "nonces.txt": nonce_cases(), "dh_data.txt": dh_data_cases(), "obfuscation.txt": obfuscation_cases(),
        "framing.txt": framing_cases(), "websocket.txt": websocket_cases(),
    }
    files = {name: text_of(cases) for name, cases in files.items()} 
    files |= {"rsa_key.pem": rsa.pem(), "rsa_key_2.pem": Rsa("another rsa").pem()}
    differs = [name for name, text in files.items()
               if not (HERE / name).exists() or (HERE / name).read_text() != text]
    if "--check" in sys.argv:
        print("differs: " + ", ".join(differs) if differs else f"{len(files)} files are as computed")
        sys.exit(1 if differs else 0)
    for name in differs:
        (HERE / name).write_text(files[name])
    print(f"wrote {len(differs)} of {len(files)}")


main()
