package dev.pfennig.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class AccountTypeTest {

    @Test
    void debitsMakeAssetsGrow() {
        assertTrue(AccountType.ASSET.debitGrows());
    }

    @Test
    void theCodeStartsWithTheType() {
        assertEquals(AccountType.EXPENSE, AccountType.ofCode("expense:rent"));
    }
}
