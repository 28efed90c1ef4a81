/*
 * What a kernel cannot find out by itself: the PCI bus, its windows (pci.h), which interrupt line
 * each device number has (mailbox_device.h, main.c), and how to switch the power off (power.h).
 */
DefinitionBlock ("", "DSDT", 2, "CLOIST", "GUEST", 1)
{
    Name (\_S5, Package () { 5, 5, 0, 0 })

    Device (\_SB.PCI0)
    {
        Name (_HID, EisaId ("PNP0A03"))
        Name (_UID, 0)
        Name (_CRS, ResourceTemplate ()
        {
            WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
            IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
            DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                         0, 0xE0000000, 0xFDFFFFFF, 0, 0x1E000000)
            QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Prefetchable, ReadWrite,
                         0, 0x2000000000, 0x3FFFFFFFFF, 0, 0x2000000000)
        })
        Name (_PRT, Package ()
        {
            Package () { 0x0001FFFF, 0, 0, 10 },
            Package () { 0x0002FFFF, 0, 0, 11 },
            Package () { 0x0003FFFF, 0, 0, 5 },
            Package () { 0x0004FFFF, 0, 0, 11 },
            Package () { 0x0005FFFF, 0, 0, 5 },
            Package () { 0x0006FFFF, 0, 0, 11 },
            Package () { 0x0007FFFF, 0, 0, 5 },
            Package () { 0x0008FFFF, 0, 0, 11 },
            Package () { 0x0009FFFF, 0, 0, 5 }
        })
    }
}
