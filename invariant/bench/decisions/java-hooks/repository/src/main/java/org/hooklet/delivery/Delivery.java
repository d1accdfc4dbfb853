// SPDX-License-Identifier: Apache-2.0
package org.hooklet.delivery;

import java.net.URI;

/** One webhook on its way to one subscriber. */
public record Delivery(String id, String topic, byte[] body, URI target) {
}
