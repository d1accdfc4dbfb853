package dev.pfennig.report;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/** Splits yearly fees over members and works out the share of each. */
public final class FeeCalculator {

    private static final int CENTS = 2;

    /** Equal shares; the first members carry the cents that are left over. */
    public List<BigDecimal> equalShares(BigDecimal fee, int members) {
        BigDecimal share = fee.divide(BigDecimal.valueOf(members), CENTS, RoundingMode.DOWN);
        BigDecimal rest = fee.subtract(share.multiply(BigDecimal.valueOf(members)));
        BigDecimal cent = new BigDecimal("0.01");
        List<BigDecimal> shares = new ArrayList<>();
        for (int i = 0; i < members; i++) {
            if (rest.signum() > 0) {
                shares.add(share.add(cent));
                rest = rest.subtract(cent);
            } else {
                shares.add(share);
            }
        }
        return shares;
    }

    /** The fee for one month of the year. */
    public BigDecimal monthly(BigDecimal yearlyFee) {
        return yearlyFee.divide(BigDecimal.valueOf(12), RoundingMode.HALF_UP);
    }
}
