package import RedoubtCore
import RedoubtLog
package import RedoubtSystem

/// What holds foreground threads up.
extension Engine {
    /// Where foreground threads write down what they wait for.
    package var waits: WaitLedger { kernel.waits }

    /// How far writers are held back at the moment.
    package var backPressure: BackPressure { kernel.log.backPressure }

    /// The bytes of redo per second that writers may add at the moment; nil for as many as they like.
    package var admissionRate: Double? { kernel.log.admission.rate }
}
