package dev.pfennig.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class AccountTest {

    @Test
    void anAccountIsItsCode() {
        Account bank = new Account("asset:bank", AccountType.ASSET, "Bank");
        Account same = new Account("asset:bank", AccountType.ASSET, "Savings bank");
        assertEquals(bank, same);
    }

    @Test
    void aCodeHasNoBlanks() {
        assertThrows(IllegalArgumentException.class,
                () -> new Account("asset bank", AccountType.ASSET, "Bank"));
    }
}
