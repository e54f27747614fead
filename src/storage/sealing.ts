/**
 * Encrypted texts: AES-256-GCM under a key of each text's own, derived with HKDF (RFC 5869) from the store's key and a
 * random salt, so that no number of texts wears a key out. What a text is about goes in as associated data: moved to
 * another place, it does not open.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto"

export interface SealingKey {
  /** Tells keys apart and says nothing about them. */
  readonly id: string
  readonly secret: Buffer
}

const saltBytes = 16
const tagBytes = 16

export function toSealingKey(text: string): SealingKey {
  return {
    id: derive(text, "", "mcp-host store key id", 8).toString("hex"),
    secret: derive(text, "", "mcp-host store", 32),
  }
}

/** A further secret of a key, for one purpose. */
export function deriveSecret(key: SealingKey, purpose: string): Buffer {
  return derive(key.secret, "", purpose, 32)
}

/** The text, encrypted, in base64url. `about` is needed to open it. */
export function seal(key: SealingKey, text: string, about: string): string {
  const salt = randomBytes(saltBytes)
  const { cipherKey, nonce } = keysOf(key, salt)
  const cipher = createCipheriv("aes-256-gcm", cipherKey, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(about))
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()])
  return Buffer.concat([salt, cipher.getAuthTag(), sealed]).toString("base64url")
}

/** The text, or undefined when it was sealed with another key or about something else, or was changed. */
export function unseal(key: SealingKey, sealed: string, about: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64url")
  if (bytes.length < saltBytes + tagBytes) return undefined
  const { cipherKey, nonce } = keysOf(key, bytes.subarray(0, saltBytes))
  const decipher = createDecipheriv("aes-256-gcm", cipherKey, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(about))
  decipher.setAuthTag(bytes.subarray(saltBytes, saltBytes + tagBytes))
  try {
    return decipher.update(bytes.subarray(saltBytes + tagBytes), undefined, "utf8") + decipher.final("utf8")
  } catch {
    // The tag does not fit.
    return undefined
  }
}

/** A name for a text that says nothing about it to who does not have the secret. */
export function hashedName(secret: Buffer, text: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url")
}

function keysOf(key: SealingKey, salt: Buffer): { cipherKey: Buffer; nonce: Buffer } {
  const bytes = derive(key.secret, salt, "mcp-host store record", 44)
  return { cipherKey: bytes.subarray(0, 32), nonce: bytes.subarray(32) }
}

function derive(secret: string | Buffer, salt: string | Buffer, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, purpose, bytes))
}
