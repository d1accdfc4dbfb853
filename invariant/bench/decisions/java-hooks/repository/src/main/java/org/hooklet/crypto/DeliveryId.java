// SPDX-License-Identifier: Apache-2.0
package org.hooklet.crypto;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;

/** Makes the ids of deliveries and the fingerprints of bodies. */
public final class DeliveryId {

    // Not java.util.Random: subscribers use the id as a capability to fetch the delivery again.
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int BYTES = 16;

    private DeliveryId() {
    }

    /** A new id that nobody can guess. */
    public static String next() {
        byte[] bytes = new byte[BYTES];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    /** A fingerprint to recognise a body that was already delivered. */
    public static String fingerprint(byte[] body) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(body));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
