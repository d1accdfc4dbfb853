// SPDX-License-Identifier: Apache-2.0
package org.hooklet.crypto;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class SignatureCheckTest {

    private static final String TEST_SECRET = "It's a Secret to Everybody";
    private static final byte[] BODY = "Hello, World!".getBytes(StandardCharsets.UTF_8);

    @Test
    void acceptsTheSignatureOfTheBody() {
        String header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assertTrue(new SignatureCheck(TEST_SECRET).accepts(header, BODY));
    }

    @Test
    void refusesAnythingElse() {
        assertFalse(new SignatureCheck(TEST_SECRET).accepts("sha256=00", BODY));
        assertFalse(new SignatureCheck(TEST_SECRET).accepts(null, BODY));
    }
}
