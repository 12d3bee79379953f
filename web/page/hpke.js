/** HPKE as sealing uses it: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. As built, a script of its own. */

import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/**
 * @param {string} point the server's public key, base64url
 * @param {Uint8Array<ArrayBuffer>} info what the seal is bound to
 * @param {Uint8Array<ArrayBuffer>} content
 * @returns {Promise<Uint8Array<ArrayBuffer>>} the encapsulated key (65 bytes) and the ciphertext
 */
export async function seal(point, info, content) {
  const raw = Uint8Array.from(atob(point.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  const recipientPublicKey = await suite.kem.deserializePublicKey(raw.buffer);
  const { enc, ct } = await suite.seal({ recipientPublicKey, info: info.buffer }, content.buffer);
  const sealed = new Uint8Array(enc.byteLength + ct.byteLength);
  sealed.set(new Uint8Array(enc));
  sealed.set(new Uint8Array(ct), enc.byteLength);
  return sealed;
}
