// SPDX-License-Identifier: Apache-2.0
package org.hooklet.delivery;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** The HTTP side of a delivery. */
final class Subscriber {

    private static final Duration CONNECT = Duration.ofSeconds(3);
    private static final int OK = 200;
    private static final int REDIRECT = 300;

    private final HttpClient client = HttpClient.newBuilder()
            .connectTimeout(CONNECT)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    /** Sends the webhook once; true when the subscriber took it. */
    boolean send(Delivery delivery) {
        HttpRequest request = HttpRequest.newBuilder(delivery.target())
                .timeout(Duration.ofSeconds(10))
                .header("Content-Type", "application/json")
                .header("X-Hooklet-Delivery", delivery.id())
                .header("X-Hooklet-Mode", System.getenv("HOOKLET_MODE") == null ? "live" : "test")
                .POST(BodyPublishers.ofByteArray(delivery.body()))
                .build();
        try {
            int status = client.send(request, BodyHandlers.discarding()).statusCode();
            return status >= OK && status < REDIRECT;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
