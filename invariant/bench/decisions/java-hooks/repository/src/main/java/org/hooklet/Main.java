// SPDX-License-Identifier: Apache-2.0
package org.hooklet;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.hooklet.crypto.SignatureCheck;
import org.hooklet.delivery.Deliverer;
import org.hooklet.http.HookHandler;

/** Starts the service. */
public final class Main {

    private Main() {
    }

    public static void main(String[] args) throws IOException {
        Config config = Config.fromEnvironment();
        Deliverer deliverer = new Deliverer(config.subscribers());
        ExecutorService pool = Executors.newFixedThreadPool(config.threads());
        HttpServer server = HttpServer.create(new InetSocketAddress(config.port()), 0);
        server.createContext("/hooks", new HookHandler(new SignatureCheck(config.secret()), deliverer));
        server.setExecutor(pool);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.stop(5);
            deliverer.close();
            pool.shutdown();
        }));
        server.start();
    }
}
