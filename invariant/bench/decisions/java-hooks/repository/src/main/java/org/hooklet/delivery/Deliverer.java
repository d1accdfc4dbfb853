package org.hooklet.delivery;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.hooklet.crypto.DeliveryId;

/** Passes accepted webhooks on to every subscriber. */
public final class Deliverer implements AutoCloseable {

    private static final Logger LOG = System.getLogger(Deliverer.class.getName());
    private static final int CAPACITY = 10_000;
    private static final int MAX_ATTEMPTS = 4;

    private final BlockingQueue<Delivery> queue = new ArrayBlockingQueue<>(CAPACITY);
    private final BlockingQueue<Delivery> dead = new LinkedBlockingQueue<>();
    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private final Subscriber client = new Subscriber();
    private final List<URI> subscribers;

    public Deliverer(List<URI> subscribers) {
        this.subscribers = List.copyOf(subscribers);
        worker.submit(this::run);
    }

    /** Queues a webhook for every subscriber; false when the queue is full. */
    public boolean offer(String topic, byte[] body) {
        boolean all = true;
        for (URI target : subscribers) {
            all &= queue.offer(new Delivery(DeliveryId.next(), topic, body, target));
        }
        return all;
    }

    /** How many deliveries were given up. */
    public synchronized int abandoned() {
        return dead.size();
    }

    private void run() {
        while (!Thread.currentThread().isInterrupted()) {
            try {
                deliver(queue.take());
            } catch (InterruptedException e) {
                LOG.log(Level.INFO, "delivery stops");
                Thread.currentThread().interrupt();
            }
        }
    }

    private void deliver(Delivery delivery) {
        for (int attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
            if (client.send(delivery)) {
                return;
            }
            try {
                Thread.sleep(500L << attempt);
            } catch (InterruptedException e) {
                LOG.log(Level.WARNING, "interrupted while waiting to retry {0}", delivery.id());
            }
        }
        dead.add(delivery);
    }

    @Override
    public void close() {
        worker.shutdownNow();
    }
}
