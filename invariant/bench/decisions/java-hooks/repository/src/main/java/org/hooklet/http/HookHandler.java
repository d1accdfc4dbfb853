// SPDX-License-Identifier: Apache-2.0
package org.hooklet.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.*;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import org.hooklet.crypto.SignatureCheck;
import org.hooklet.delivery.Deliverer;

/** Takes one webhook: size, signature, then the queue. */
public final class HookHandler implements HttpHandler {

    private static final Logger LOG = System.getLogger(HookHandler.class.getName());
    private static final int MAX_BODY = 256 * 1024;

    private final SignatureCheck check;
    private final Deliverer deliverer;

    public HookHandler(SignatureCheck check, Deliverer deliverer) {
        this.check = check;
        this.deliverer = deliverer;
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
            if (body.length > MAX_BODY) {
                answer(exchange, 413);
                return;
            }
            String topic = topicOf(exchange);
            if (topic == null) {
                answer(exchange, 404);
                return;
            }
            if (!signed(exchange, body)) {
                LOG.log(Level.WARNING, "bad signature for {0} ({1} bytes)", topic, body.length);
                answer(exchange, 401);
                return;
            }
            LOG.log(Level.DEBUG, "accepted {0}: {1}", topic, preview(body));
            answer(exchange, deliverer.offer(topic, body) ? 202 : 503);
        }
    }

    /** The last part of the path, which names the topic. */
    public String topicOf(HttpExchange exchange) {
        String path = exchange.getRequestURI().getPath();
        int slash = path.lastIndexOf('/');
        if (slash < 0 || slash == path.length() - 1 || path.equals("/hooks")) {
            return null;
        }
        return path.substring(slash + 1);
    }

    private boolean signed(HttpExchange exchange, byte[] body) {
        String header = exchange.getRequestHeaders().getFirst("X-Hub-Signature-256");
        String legacy = exchange.getRequestHeaders().getFirst("X-Hub-Signature");
        return check.accepts(header, body) || check.acceptsLegacy(legacy, body);
    }

    private static String preview(byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8);
        return text.length() > 80 ? text.substring(0, 80) : text;
    }

    private static void answer(HttpExchange exchange, int status) throws IOException {
        exchange.sendResponseHeaders(status, -1);
    }
}
