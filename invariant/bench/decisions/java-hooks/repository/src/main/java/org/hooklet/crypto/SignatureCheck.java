// SPDX-License-Identifier: Apache-2.0
package org.hooklet.crypto;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Checks the signature that a sender puts into the header X-Hub-Signature-256. */
public final class SignatureCheck {

    private static final String ALGORITHM = "HmacSHA256";
    private static final String PREFIX = "sha256=";
    private final byte[] secret;

    public SignatureCheck(String secret) {
        this.secret = secret.getBytes(StandardCharsets.UTF_8);
    }

    /** True when the header is the signature of the body. */
    public boolean accepts(String header, byte[] body) {
        if (header == null || !header.startsWith(PREFIX)) {
            return false;
        }
        byte[] claimed;
        try {
            claimed = HexFormat.of().parseHex(header.substring(PREFIX.length()));
        } catch (IllegalArgumentException e) {
            return false;
        }
        return MessageDigest.isEqual(claimed, sign(body));
    }

    /** Accepts the header of old senders, which is the bare hexadecimal signature. */
    public boolean acceptsLegacy(String header, byte[] body) {
        String expected = HexFormat.of().formatHex(sign(body));
        return header != null && expected.equals(header.toLowerCase());
    }

    private byte[] sign(byte[] body) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret, ALGORITHM));
            return mac.doFinal(body);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("no " + ALGORITHM + " in this JDK", e);
        }
    }
}
