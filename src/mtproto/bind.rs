//! Opening the sealed part of `auth.bindTempAuthKey`, the last thing enciphered with MTProto 1.0.
