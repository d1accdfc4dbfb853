// SPDX-License-Identifier: Apache-2.0
package org.hooklet;

import java.net.URI;
import java.util.Arrays;
import java.util.List;

/** The settings of one process. */
public record Config(int port, int threads, String secret, List<URI> subscribers) {

    private static final int DEFAULT_PORT = 8080;
    private static final int DEFAULT_THREADS = 8;

    /** Reads the settings; fails early when the secret is missing. */
    public static Config fromEnvironment() {
        String secret = System.getenv("HOOKLET_SECRET");
        if (secret == null || secret.isBlank()) {
            throw new IllegalStateException("HOOKLET_SECRET is not set");
        }
        return new Config(
                number("HOOKLET_PORT", DEFAULT_PORT),
                number("HOOKLET_THREADS", DEFAULT_THREADS),
                secret,
                addresses(System.getenv("HOOKLET_SUBSCRIBERS")));
    }

    private static int number(String name, int otherwise) {
        String text = System.getenv(name);
        return text == null ? otherwise : Integer.parseInt(text);
    }

    private static List<URI> addresses(String text) {
        if (text == null || text.isBlank()) {
            return List.of();
        }
        return Arrays.stream(text.split(",")).map(String::strip).map(URI::create).toList();
    }
}
